import { MAX_MESSAGE_BYTES } from '../wire/header.ts';
import type { HitRules } from './contract.ts';

/** The rules of a block in which nobody has asked for anything. */
export function newHitRules(): HitRules {
  return {
    chainFor: [],
    maxUdpPayloadBytes: MAX_MESSAGE_BYTES,
    countsRequests: false,
    errorsInChain: false,
    aaaaInChain: [],
    shufflesAddresses: false,
    cache: undefined,
  };
}
