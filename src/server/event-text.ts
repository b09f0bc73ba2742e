/** Formats a server's events as log lines. */
import { clockText } from '../core/metrics/clock-watch';
import type { LogLevel } from '../core/environment';
import type { ServerEventBody } from '../core/metrics/record';

/** Returns the log line of an event; null for events that are only written to files. Pure. */
export function eventText(event: ServerEventBody, serverId: number): { level: LogLevel; text: string } | null {
  switch (event.event) {
    case 'started':
      return info(
        `Server ${serverId} started${event.address ? ` on ${event.address}` : ''}, incarnation ${event.incarnation}`,
      );
    case 'ready':
      return info('Cover decoded; accepting tasks');
    case 'election':
      return info(`Election in term ${event.term}: ${event.reason}`);
    case 'leader':
      return event.leader_id === serverId
        ? info(`This server (${serverId}) leads in term ${event.term}: ${event.reason}`)
        : info(`Server ${event.leader_id} leads in term ${event.term}: ${event.reason}`);
    case 'stepped_down':
      return info(`This server (${serverId}) no longer leads: ${event.reason}`);
    case 'peer_up':
      return info(`Server ${event.peer_id} is up`);
    case 'peer_down':
      return { level: 'warn', text: `Server ${event.peer_id} is down: ${DOWN[event.reason]}` };
    case 'peer_stranded':
      return { level: 'warn', text: `Server ${event.peer_id} ${STRANDED[event.how]}` };
    case 'resumed':
      return { level: 'warn', text: `This process was paused for ${event.late_ms} ms; asking who leads` };
    case 'overloaded':
      return { level: 'warn', text: `Overloaded: ${event.reason}` };
    case 'mismatch':
      return { level: 'warn', text: event.reason };
    case 'stopping':
      return info('Stopping: handing over, finishing running tasks');
    case 'stopped':
      return info('Stopped');
    case 'clock': {
      const text = clockText(event);
      return text === null ? null : { level: 'warn', text };
    }
    default:
      return null;
  }
}

const DOWN = {
  refused: 'its address refuses connections, so the process is gone',
  silent: 'no message from it within the failure timeout',
  restarted: 'it restarted',
  deaf: 'it reports that it does not hear this server',
  leaving: 'it is stopping',
};

const STRANDED = {
  never_reached:
    'was not reached since this server started: does it run, and can this host connect to its address in the configuration?',
  deaf: 'is heard, but does not hear this server: can its host connect to the address that it has for this one?',
};

function info(text: string): { level: LogLevel; text: string } {
  return { level: 'info', text };
}
