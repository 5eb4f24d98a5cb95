/** A place on the node that is served over UDP and TCP; the address says the family. */
export type Endpoint = { readonly address: string; readonly port: number };

/** What the rules of the host shall say. */
export type RulesWant = {
  /** Our address is on the node: answers and existing connections skip connection tracking. */
  readonly held: readonly Endpoint[];
  /** New traffic is ours, while a socket listens for it. Each is held as well. */
  readonly taken: readonly Endpoint[];
  /** What has a lease there is neither renewed nor taken away: it runs out. */
  readonly left: readonly Endpoint[];
  /** HTTP on the addresses, which the host itself asks. */
  readonly healthPorts: readonly Endpoint[];
  /** How long they hold; undefined: until they are taken away. */
  readonly leaseS: number | undefined;
};

/** The rules that one process makes; those of other processes stay, but for the places that both have. */
export type Rules = {
  readonly name: 'nftables' | 'iptables' | 'none';
  /** Whether its rules run out by themselves. */
  readonly canLease: boolean;
  /**
   * Makes the host as wanted, renews what has a lease, and takes away what an earlier call has put and this one does not
   * name. Rejects with a SetupError, having done what could be done.
   */
  put(want: RulesWant): Promise<void>;
  /** Takes away all that was put; what is not there is fine. */
  remove(): Promise<void>;
  /** Whether nothing that was put is known to be missing. */
  readonly isWhole: boolean;
  /**
   * Calls back when somebody else changes what was put; returns what ends that. Without it the kernel tells nobody.
   */
  watch?(changed: () => void): () => void;
};
