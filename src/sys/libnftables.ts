/** The nftables project's own library: commands as text, in this process. Loaded when it is first asked for. */
import koffi from 'koffi';

const LIBRARY = 'libnftables.so.1';
const NFT_CTX_DEFAULT = 0;
/** nft_ctx_input_set_flags: names are not looked up, for the resolver may be this very process. */
const NFT_CTX_INPUT_NO_DNS = 1;
/** nft_ctx_output_set_flags. */
const NFT_CTX_OUTPUT_JSON = 1 << 4;
const NFT_CTX_OUTPUT_NUMERIC_ALL = (1 << 5) | (1 << 6) | (1 << 7) | (1 << 9);

export type NftOutcome = {
  /** All of the commands were carried out; otherwise none was. */
  readonly ok: boolean;
  readonly output: string;
  /** What is wrong, in the library's words. */
  readonly error: string;
};

export type Nft = {
  /** Runs the commands as one transaction, and waits for its end: about 0.3 ms for a few elements. */
  run(commands: string): NftOutcome;
  /** Has library and kernel check the commands, and changes nothing. */
  check(commands: string): NftOutcome;
  /** The same as `run`, with what is listed as JSON. */
  json(commands: string): NftOutcome;
};

/** Throws, with what to install, where the library cannot be loaded. */
export function openNft(): Nft {
  const library = load();
  const context = library.func('void *nft_ctx_new(uint32_t flags)')(NFT_CTX_DEFAULT);
  library.func('int nft_ctx_buffer_output(void *context)')(context);
  library.func('int nft_ctx_buffer_error(void *context)')(context);
  setInputFlags(library, context);
  const setOutputFlags = library.func('void nft_ctx_output_set_flags(void *context, unsigned int flags)');
  const runCommands = library.func('int nft_run_cmd_from_buffer(void *context, const char *commands)');
  const output = library.func('const char *nft_ctx_get_output_buffer(void *context)');
  const error = library.func('const char *nft_ctx_get_error_buffer(void *context)');
  const setDryRun = library.func('void nft_ctx_set_dry_run(void *context, bool dry)');
  const runAs = (flags: number, commands: string): NftOutcome => {
    setOutputFlags(context, flags);
    const ok = runCommands(context, commands) === 0;
    return { ok, output: output(context) ?? '', error: (error(context) ?? '').trim() };
  };
  return {
    run: (commands) => runAs(NFT_CTX_OUTPUT_NUMERIC_ALL, commands),
    check(commands) {
      setDryRun(context, true);
      const outcome = runAs(NFT_CTX_OUTPUT_NUMERIC_ALL, commands);
      setDryRun(context, false);
      return outcome;
    },
    json: (commands) => runAs(NFT_CTX_OUTPUT_JSON, commands),
  };
}

function load() {
  try {
    return koffi.load(LIBRARY);
  } catch (cause) {
    throw new Error(`${LIBRARY} cannot be loaded; install it (Debian: libnftables1)`, { cause });
  }
}

/** Versions before 1.0.8 have no such function, and look nothing up unless asked to. */
function setInputFlags(library: ReturnType<typeof load>, context: unknown): void {
  try {
    library.func('unsigned int nft_ctx_input_set_flags(void *context, unsigned int flags)')(
      context,
      NFT_CTX_INPUT_NO_DNS,
    );
  } catch {
    // As said.
  }
}
