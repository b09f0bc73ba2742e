/** The public interface of the transport: dial and listen. */
export { Connection, type BodyWriter, type CloseReason, type ConnectionHandler } from './connection';
export { dial, type DialOptions } from './dial';
export { ACCEPTED_LIMITS, CLIENT_LIMITS, DIALED_LIMITS, type FrameLimits } from './wire/frame-limits';
export { FrameWatch, type FrameWatchOptions } from './frame-watch';
export type { Secure } from './tls';
export { listen, Listener, type ListenOptions } from './listener';
export { Turns } from './turns';
