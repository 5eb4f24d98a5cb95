import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two folders above both the sources and the built program. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
