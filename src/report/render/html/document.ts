import { type Content, Html, html, jsonForScript } from './html';

/** The page's own script and style as the build made them (src/report/page/bundle.cjs): one file has no others. */
declare const PAGE: { script: string; style: string };

/** Nothing is fetched, whatever a name in the report may try. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** A page that works without a network; `data` is what its charts are drawn from, null where it has none. */
export function page({ title, body, data }: { title: string; body: Content; data: object | null }): string {
  const { script, style } = PAGE;
  const dataScript = data && `<script type="application/json" id="data">${jsonForScript(data)}</script>`;
  // In one piece each: what stands in them is no HTML.
  const [styles, scripts] = [
    new Html(`<style>${style}</style>`),
    new Html(`${dataScript ?? ''}<script>${script}</script>`),
  ];
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${styles}
      </head>
      <body>
        ${body} ${scripts}
      </body>
    </html> `;
  return whole.markup;
}
