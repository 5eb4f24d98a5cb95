const FORWARD = 'put "forward . ADDRESS" in a block for the zone';
const NO_ZONES = 'it serves no zones';
const NO_FILES = `${NO_ZONES}; ${FORWARD}, that of its name server; for a few names use hosts or template`;

/** What to do instead of the directives of CoreDNS that have no use on a node; in one line. */
export const ADVICE: ReadonlyMap<string, string> = new Map([
  ['root', 'write the paths of files in full'],
  [
    'geoip',
    'no other directive here asks where a client is; to tell networks apart use acl, or "prefer" of loadbalance',
  ],
  ['tls', 'pods ask their own node, in the clear; for an upstream put "forward . tls://ADDRESS"'],
  ['quic', 'pods ask their own node, over UDP and TCP'],
  ['multisocket', 'threads share the port already, as many as the flag -responders says'],
  ['tsig', 'it neither checks nor makes signatures of messages; to say who may ask use acl'],
  ['dnssec', `${NO_ZONES}; sign the zone where it is served, signatures of upstreams go through`],
  ['sign', `${NO_ZONES}; sign the zone where it is served, signatures of upstreams go through`],
  ['transfer', `${NO_ZONES}; let the zone be transferred from where it is served`],
  ['file', NO_FILES],
  ['auto', NO_FILES],
  ['secondary', `${NO_ZONES}; ${FORWARD}, that of its primary server`],
  ['kubernetes', `the cluster DNS has these names; ${FORWARD}, that of its Service`],
  ['k8s_external', `the cluster DNS has these names; ${FORWARD}, that of its Service`],
  ['etcd', `${FORWARD}, that of a server that reads etcd, such as CoreDNS in the cluster`],
  ['nomad', `${FORWARD}, that of a server that asks Nomad`],
  ['route53', `${FORWARD}, that of the resolver of the VPC: 169.254.169.253`],
  ['azure', `${FORWARD}, that of the resolver of Azure: 168.63.129.16`],
  ['clouddns', `${FORWARD}, that of the resolver of Google Cloud: 169.254.169.254`],
  ['grpc', 'ask the upstream with forward; where others may listen on the way, as "forward . tls://ADDRESS"'],
  ['erratic', 'it is for tests of clients; remove it'],
  ['on', 'it runs no commands; use hooks of the pod or the unit of systemd'],
  [
    'view',
    'a block is chosen by zone and address; give each group of clients an address of its own (bind), or use acl',
  ],
]);
