/** Everything that must run before something can be measured: networks, upstreams, servers. */
import { freePort } from '../test/support/ports.ts';
import type { Programs } from './build.ts';
import type { Subjects } from './compared.ts';
import { makeGenerator } from './generator.ts';
import { type Cores, pinnedTo } from './machine.ts';
import { LOOPBACK, type Network, openVeth } from './network.ts';
import type { Options } from './options.ts';
import { type Site, SUBJECTS, type Subject, type SubjectName, startUpstream } from './servers.ts';

/** A site with the servers that run on it. */
export type Place = { readonly site: Site; readonly subjects: Subjects; stop(): Promise<void> };

export type Places = {
  readonly loopback: Place;
  readonly veth: Place | undefined;
  /** On loopback, without servers; the generator is the upstream as well, so that nothing else is on its core. */
  readonly alone: Site;
  stop(): Promise<void>;
};

export async function openPlaces({ kinds, servers }: Options, cores: Cores, programs: Programs): Promise<Places> {
  const loopback = await open(LOOPBACK, cores, programs, servers);
  const veth = kinds.has('veth') ? await open(await openVeth(), cores, programs, servers) : undefined;
  return {
    loopback,
    veth,
    alone: await siteWithoutUpstream(cores, programs),
    stop: async () => void (await Promise.all([loopback.stop(), veth?.stop()])),
  };
}

/** Starts the servers of a network, all of them: those that are not asked cost nothing. */
async function open(network: Network, cores: Cores, programs: Programs, names: readonly SubjectName[]): Promise<Place> {
  const generator = makeGenerator(programs.generator, [...network.generatorSide, ...pinnedTo(cores.generator)]);
  // The upstream can be asked on the servers' side alone.
  const beside = makeGenerator(programs.generator, [...network.serverSide, ...pinnedTo(cores.generator)]);
  const upstream = await startUpstream(network, cores, beside);
  const site: Site = { network, cores, generator, upstream };
  const subjects = new Map<SubjectName, Subject>();
  for (const name of names) subjects.set(name, await SUBJECTS[name](site, programs.echo));
  const stop = async () => {
    await Promise.all([...subjects.values(), upstream].map((server) => server.stop()));
    await network.close();
  };
  return { site, subjects, stop };
}

async function siteWithoutUpstream(cores: Cores, programs: Programs): Promise<Site> {
  const { address } = LOOPBACK;
  const port = await freePort(address);
  const generator = makeGenerator(programs.generator, pinnedTo(cores.generator), port);
  return { network: LOOPBACK, cores, generator, upstream: { address, port, endpoint: `${address}:${port}` } };
}
