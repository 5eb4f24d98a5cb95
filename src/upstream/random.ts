import { randomFillSync } from 'node:crypto';

/** Filling 4 KiB at once comes to 13 ns for each number; asking for two bytes each time costs 3 µs. */
const POOL_SIZE = 2048;

const pool = new Uint16Array(POOL_SIZE);
let position = POOL_SIZE;

/** 16 bits that nobody can guess (a CSPRNG): ids of queries, and whatever else an attacker would like to know. */
export function randomU16(): number {
  if (position === POOL_SIZE) {
    randomFillSync(pool);
    position = 0;
  }
  const value = pool[position];
  pool[position++] = 0;
  return value;
}

/** `value` less a random part, at most `share` of it: what was made together shall not end together. */
export function shortened(value: number, share: number): number {
  return value * (1 - (share * randomU16()) / 0x10000);
}
