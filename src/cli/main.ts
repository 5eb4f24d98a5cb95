/** Where the program starts. This folder alone reads argv and the environment, and exits. */
import { serve } from './serve.ts';

await serve(process.argv.slice(2));
