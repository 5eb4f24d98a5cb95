import { acl } from './acl/acl.ts';
import { any } from './any/any.ts';
import { autopath } from './autopath/autopath.ts';
import { bind } from './bind/bind.ts';
import { bufsize } from './bufsize/bufsize.ts';
import { cache } from './cache/cache.ts';
import { cancel } from './cancel/cancel.ts';
import { chaos } from './chaos/chaos.ts';
import { debug } from './debug/debug.ts';
import { dns64 } from './dns64/dns64.ts';
import { dnstap } from './dnstap/dnstap.ts';
import { errors } from './errors/errors.ts';
import { forward } from './forward/forward.ts';
import { header } from './header/header.ts';
import { health } from './health/health.ts';
import { hosts } from './hosts/hosts.ts';
import { loadbalance } from './loadbalance/loadbalance.ts';
import { local } from './local/local.ts';
import { log } from './log/log.ts';
import { loop } from './loop/loop.ts';
import { metadata } from './metadata/metadata.ts';
import { minimal } from './minimal/minimal.ts';
import { nodecache } from './nodecache/nodecache.ts';
import { nsid } from './nsid/nsid.ts';
import { pprof } from './pprof/pprof.ts';
import { prometheus } from './prometheus/prometheus.ts';
import { ready } from './ready/ready.ts';
import { type RegisteredDirective, register } from './register.ts';
import { reload } from './reload/reload.ts';
import { rewrite } from './rewrite/rewrite.ts';
import { template } from './template/template.ts';
import { timeouts } from './timeouts/timeouts.ts';
import { trace } from './trace/trace.ts';
import { whoami } from './whoami/whoami.ts';

/**
 * The directives that nodens has, in the order in which a query meets them, whatever the order in the Corefile: that of
 * CoreDNS 1.13.2. They are set up in this order too.
 */
export const DIRECTIVES: readonly RegisteredDirective[] = [
  register(metadata),
  register(cancel),
  register(timeouts),
  register(reload),
  register(nsid),
  register(bufsize),
  register(bind),
  register(nodecache),
  register(debug),
  register(trace),
  register(ready),
  register(health),
  register(pprof),
  register(prometheus),
  register(errors),
  register(log),
  register(dnstap),
  register(local),
  register(dns64),
  register(acl),
  register(any),
  register(chaos),
  register(loadbalance),
  register(cache),
  register(rewrite),
  register(header),
  register(autopath),
  register(minimal),
  register(template),
  register(hosts),
  register(loop),
  register(forward),
  register(whoami),
];

/**
 * All of CoreDNS 1.13.2, in its order, and the one of coredns-nodecache: a name that is here but not above is known, and
 * said not to be had.
 */
export const COREDNS_DIRECTIVES: readonly string[] = [
  'root',
  'metadata',
  'geoip',
  'cancel',
  'tls',
  'quic',
  'timeouts',
  'multisocket',
  'reload',
  'nsid',
  'bufsize',
  'bind',
  'nodecache',
  'debug',
  'trace',
  'ready',
  'health',
  'pprof',
  'prometheus',
  'errors',
  'log',
  'dnstap',
  'local',
  'dns64',
  'acl',
  'any',
  'chaos',
  'loadbalance',
  'tsig',
  'cache',
  'rewrite',
  'header',
  'dnssec',
  'autopath',
  'minimal',
  'template',
  'transfer',
  'hosts',
  'route53',
  'azure',
  'clouddns',
  'k8s_external',
  'kubernetes',
  'file',
  'auto',
  'secondary',
  'etcd',
  'loop',
  'forward',
  'grpc',
  'erratic',
  'whoami',
  'on',
  'sign',
  'view',
  'nomad',
];
