/**
 * The words that a responder and the resolver share besides the ring: who writes each one stands behind it. All are read
 * and written by Atomics.
 */
/** Resolver: not 0, the thread shall end. */
export const STOP = 0;
/** Resolver: how many plans it has sent; responder: how many it has taken over. */
export const PLANS_SENT = 1;
export const PLANS_TAKEN = 2;
/** Resolver: a number that the responder repeats as soon as it sees it. */
export const PING = 3;
export const PONG = 4;
/** Responder: replies that the kernel did not take, modulo 2^32. */
export const UNSENT = 5;
/** Of the ring; see `ring.ts`. */
export const RING_HEAD = 8;
export const RING_TAIL = 9;
export const RING_SLEEPING = 10;
export const RING_DROPPED = 11;
export const CONTROL_WORDS = 16;
