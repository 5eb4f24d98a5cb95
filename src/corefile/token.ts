/** Where something stands: `file` as given by -conf for the main file, an absolute path for imported ones; lines from 1. */
export type Position = { readonly file: string; readonly line: number };

/** One word of a Corefile: quotes removed, environment references replaced; `line` is where it starts. */
export type Token = Position & { readonly text: string };
