import { availableParallelism } from 'node:os';
import { MIN_CAPACITY_BYTES } from '../cache/layout.ts';
import type { FlagSpec, FlagValues } from './flags.ts';

/** A second thread is of use only where there are cores to spare beside those of the pods. */
const CORES_FOR_TWO = 8;
const DEFAULT_RESPONDERS = availableParallelism() < CORES_FOR_TWO ? 1 : 2;
const MAX_RESPONDERS = 64;

/** Of node-cache, and what it leaves out: what the Corefile is made of. */
export const CONFIGURATION_FLAGS = [
  {
    name: 'basecorefile',
    kind: 'string',
    default: '/etc/coredns/Corefile.base',
    help: 'template of the Corefile, in which __PILLAR__ variables are replaced; the result is written to -conf',
  },
  {
    name: 'corefile',
    kind: 'string',
    default: '',
    help: 'same as -conf, which counts where both are given',
  },
  {
    name: 'kubednscm',
    kind: 'string',
    default: '',
    help: 'directory where the ConfigMap kube-dns is mounted; /etc/kube-dns where that is there',
  },
  {
    name: 'corednscm',
    kind: 'string',
    default: '',
    help: 'directory where the ConfigMap of the cluster DNS is mounted; /etc/coredns-upstream where that is there',
  },
  {
    name: 'upstreamsvc',
    kind: 'string',
    default: 'kube-dns',
    help: 'Service of the cluster DNS, whose address is in the environment',
  },
  {
    name: 'fallback',
    kind: 'string',
    default: 'node',
    help: 'who answers what no other block does: node, the servers of /etc/resolv.conf, or cluster, the cluster DNS',
  },
  {
    name: 'reloadwithsignal',
    kind: 'bool',
    default: false,
    help: 'accepted for node-cache: a changed configuration is taken over at once anyway',
  },
  {
    name: 'metrics-listen-address',
    kind: 'string',
    default: '0.0.0.0:9353',
    help: 'where metrics are served beside those of prometheus, with -localip or -basecorefile; empty: nowhere',
  },
] as const satisfies readonly FlagSpec[];

/** Of node-cache, and what it leaves out: how the addresses of the node are held. */
export const NODE_FLAGS = [
  {
    name: 'localip',
    kind: 'string',
    default: '',
    help: 'comma-separated addresses to serve on and to hold on the node',
  },
  { name: 'setupinterface', kind: 'bool', default: true, help: 'put the addresses of -localip on an interface' },
  { name: 'interfacename', kind: 'string', default: 'nodelocaldns', help: 'name of that interface' },
  {
    name: 'setupiptables',
    kind: 'bool',
    default: true,
    help: 'have what is sent to -localip skip connection tracking',
  },
  {
    name: 'backend',
    kind: 'string',
    default: 'auto',
    help: 'how the rules are made: auto, nftables, iptables or none',
  },
  {
    name: 'lease',
    kind: 'string',
    default: '',
    help: 'how long the addresses stay without being renewed, 3s to 1h, or off; 10s unless -skipteardown is given',
  },
  { name: 'skipteardown', kind: 'bool', default: false, help: 'leave interface and rules in place on exit' },
  { name: 'syncinterval', kind: 'seconds', default: 60, min: 1, help: 'how often interface and rules are checked' },
  { name: 'health-port', kind: 'int', default: 8080, help: 'port of the health endpoint on the addresses of -localip' },
] as const satisfies readonly FlagSpec[];

/** The server's flags: those of CoreDNS, then our own, then those of node-cache. */
export const SERVER_FLAGS = [
  {
    name: 'conf',
    kind: 'string',
    default: '',
    help: 'Corefile to load, "stdin" to read it from standard input; without it, Corefile in the working directory',
  },
  {
    name: 'dns.port',
    aliases: ['p'],
    kind: 'int',
    default: 53,
    min: 0,
    max: 65535,
    help: 'port of server blocks whose keys have none',
  },
  { name: 'pidfile', kind: 'string', default: '', help: 'file to write the process id to' },
  { name: 'plugins', kind: 'bool', default: false, help: 'list the directives, then exit' },
  { name: 'quiet', kind: 'bool', default: false, help: 'print no banner at start' },
  { name: 'version', kind: 'bool', default: false, help: 'print the version, then exit' },
  {
    name: 'cache-bytes',
    kind: 'bytes',
    default: 'auto',
    min: MIN_CAPACITY_BYTES,
    help: 'memory for cached answers of all blocks, such as 64MiB; auto is a quarter of the memory limit, at least 16MiB',
  },
  {
    name: 'max-inflight',
    kind: 'int',
    default: 10_000,
    min: 1,
    help: 'queries waiting for an upstream at most; more of them get SERVFAIL, hits are answered on',
  },
  {
    name: 'max-tcp-connections',
    kind: 'int',
    default: 1000,
    min: 1,
    help: 'TCP connections of clients at most, for each listener',
  },
  {
    name: 'responders',
    kind: 'int',
    default: DEFAULT_RESPONDERS,
    min: 0,
    max: MAX_RESPONDERS,
    help: 'threads that answer cache hits: by default 2 from eight cores on; 0 leaves hits to the main thread',
  },
  {
    name: 'control',
    kind: 'string',
    default: '',
    help: 'socket by which nodens explain asks this instance; control.sock in /run/nodens where that is there',
  },
  ...CONFIGURATION_FLAGS,
  ...NODE_FLAGS,
] as const satisfies readonly FlagSpec[];

/** Of `nodens explain`, which reads the server's to know what is served. */
export const EXPLAIN_FLAGS = [
  ...SERVER_FLAGS,
  { name: 'from', kind: 'string', default: 'default', help: 'namespace of the pod that asks' },
  { name: 'cluster-domain', kind: 'string', default: 'cluster.local', help: 'domain of the cluster' },
  {
    name: 'resolvconf',
    kind: 'string',
    default: '',
    help: 'resolver configuration of the pod, such as a copy of its file, instead of what the kubelet writes for -from',
  },
  { name: 'ask', kind: 'bool', default: false, help: 'ask the upstreams, and show what comes back' },
  { name: 'json', kind: 'bool', default: false, help: 'print the same as JSON' },
] as const satisfies readonly FlagSpec[];

/** Of `nodens doctor`, which reads the server's to know what is to be served. */
export const DOCTOR_FLAGS = [
  ...SERVER_FLAGS,
  { name: 'json', kind: 'bool', default: false, help: 'print the findings as JSON' },
  {
    name: 'resolvconf',
    kind: 'string',
    default: '/etc/resolv.conf',
    help: 'resolver configuration to judge, such as a copy of that of a pod',
  },
] as const satisfies readonly FlagSpec[];

export type ServerFlags = FlagValues<typeof SERVER_FLAGS>;
