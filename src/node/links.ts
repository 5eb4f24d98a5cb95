export type HeldAddress = {
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefixLength: number;
  readonly validS: number | undefined;
};
export type Link = { readonly index: number; readonly name: string; readonly kind: string; readonly up: boolean };
export type Links = {
  find(name: string): Link | undefined;
  create(name: string): Link;
  setUp(link: Link): void;
  addresses(link: Link): HeldAddress[];
  putAddress(link: Link, address: string, leaseS: number | undefined): void;
  removeAddress(link: Link, address: string): void;
  delete(link: Link): void;
  portCount(index: number): number;
};
