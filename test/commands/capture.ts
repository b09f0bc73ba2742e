import { execute } from '../../src/index';

export interface Captured {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command line in this process and captures its output. */
export async function cli(...argv: string[]): Promise<Captured> {
  const caught = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk) => {
      caught[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
  );
  try {
    return { code: await execute(argv), ...caught };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
}

/** The lines of an output. */
export function linesOf(text: string): string[] {
  return text.trimEnd().split('\n');
}
