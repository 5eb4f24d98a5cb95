/** node-cache's way to a Corefile: from a template and ConfigMaps, made anew when one of them changes. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Corefile } from '../corefile/cursor.ts';
import { messageOf } from '../corefile/errors.ts';
import { fingerprint } from '../corefile/fingerprint.ts';
import type { Configuration } from '../directives/contract.ts';
import { StandingFaults } from '../kubernetes/faults.ts';
import { textOf } from '../kubernetes/line.ts';
import { corefileMaker, type Made, type MakerOptions } from '../kubernetes/maker.ts';
import { RESOLV_CONF } from '../kubernetes/template.ts';
import { watchDirectories } from '../kubernetes/watch.ts';
import type { Logger } from '../observe/logger.ts';
import { configure } from '../server/configure.ts';
import type { CorefileSource } from './corefile-source.ts';
import { fileKeeper } from './written-corefile.ts';

export type NodeSourceOptions = Omit<MakerOptions, 'mayLackTemplate'> & {
  /** Whether the template must be there, or is used if it is. */
  readonly isTemplateGiven: boolean;
  readonly conf: string;
  /** The result is written to `conf`. */
  readonly writes: boolean;
  readonly log: Logger;
  /** Counts what was not as it should be. */
  readonly countFault: () => void;
};

export type NodeCorefileSource = CorefileSource & {
  /**
   * Makes the Corefile, and neither writes nor says anything. Its words and lines know the places that they come from.
   * Undefined: there is no template, and -conf is served as it is.
   */
  make(): Promise<Made | undefined>;
};

/** `plain` is what is served where there is no template: the Corefile of -conf as it is. */
export function nodeCorefileSource(options: NodeSourceOptions, plain: CorefileSource): NodeCorefileSource {
  const { settings, isTemplateGiven, conf, kubeDnsDirectory, clusterDirectory, log, countFault } = options;
  const { template } = settings;
  const make = corefileMaker({ ...options, mayLackTemplate: () => !isTemplateGiven || existsSync(conf) });
  const write = corefileWriter(options.writes ? conf : '', log);
  const faults = new StandingFaults((fault) => {
    countFault();
    log.error(fault);
  });
  let isServing = false;
  const failures = new StandingFaults((failure) => {
    countFault();
    if (isServing) log.error(`${failure}; the last good configuration stays`);
  });

  let isMadeNow = false;
  const readOnce = async () => {
    try {
      const made = await make();
      isMadeNow = made !== undefined;
      const lacking = isTemplateGiven ? [`there is no template ${template}: ${conf} is served as it is`] : [];
      faults.update(made?.faults ?? lacking);
      if (made !== undefined) {
        configure(made.corefile.blocks); // What no directive takes must not take the place of what is served.
        await write(made);
      }
      const corefile = made?.corefile ?? (await plain.read());
      failures.update([]);
      return corefile;
    } catch (error) {
      failures.update([messageOf(error)]);
      throw error;
    }
  };
  // One at a time, so that an older content never comes after a newer one.
  let last: Promise<unknown> = Promise.resolve();
  const read = () => {
    const next = last.then(readOnce);
    last = next.catch(() => undefined);
    return next;
  };
  const places = [dirname(template), kubeDnsDirectory, clusterDirectory];
  const directories = [...new Set(places.filter((directory) => directory !== undefined))];
  const hasTemplate = isTemplateGiven || existsSync(template);
  return {
    file: hasTemplate ? template : plain.file,
    advice: hasTemplate ? '' : plain.advice,
    read,
    make,
    follow(configuration) {
      isServing = true;
      // A Corefile that nobody makes says itself whether its changes are looked for.
      const readMade = async () => {
        const corefile = await read();
        return isMadeNow ? corefile : undefined;
      };
      return watchDirectories({ directories, look: changeSeeker(configuration, readMade) });
    },
  };
}

/** Says what was made, when it has changed, and writes it where it can be seen. */
function corefileWriter(conf: string, log: Logger): (made: Made) => Promise<void> {
  let written: string | undefined;
  const keep = fileKeeper(conf, (reason) => {
    log.info(`The Corefile cannot be written to ${conf}: ${reason}; it is kept in memory`);
  });
  return async ({ lines, stubDomains, upstreamServers }) => {
    const text = textOf(lines);
    if (text === written) return;
    written = text;
    const upstreams = upstreamServers.join(' ') || RESOLV_CONF;
    log.info(`Updated Corefile with ${stubDomains.length} custom stubdomains and upstream servers ${upstreams}`);
    await keep(text);
  };
}

/** Reloads what has changed; what has failed is not tried again until it changes. Who reads and reloads says why. */
function changeSeeker(configuration: Configuration, read: () => Promise<Corefile | undefined>): () => Promise<void> {
  let failed = '';
  return async () => {
    const corefile = await read().catch(() => undefined);
    const found = corefile === undefined ? '' : fingerprint(corefile);
    if (found === '' || found === configuration.fingerprint || found === failed) return;
    failed = '';
    await configuration.reload().catch(() => {
      failed = found;
    });
  };
}
