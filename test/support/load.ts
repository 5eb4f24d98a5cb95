/** Clients that ask without pause. */
import { type Server, TcpClient, UdpClient } from './client.ts';

export type LoadOptions = {
  /** One client each. */
  readonly protocols?: readonly ('udp' | 'tcp')[];
  /** Queries that each client has under way at the same time. */
  readonly outstanding?: number;
  readonly qname?: (client: number, count: number) => string;
};

export type Load = {
  /** How many queries have been answered, or given up. */
  count(): number;
  /** Stops asking, waits for what is under way, and gives the rcodes that came; `lost` is one of them. */
  stop(): Promise<string[]>;
};

/** Nobody answers any more: a test that has failed must not go on asking for ever. */
const MAX_LOST = 20;

/** Asks without pause until told to stop: 50 names for each client, unless told. */
export function startLoad(server: Server, options: LoadOptions = {}): Load {
  const { protocols = ['udp', 'tcp', 'udp', 'tcp'], outstanding = 1 } = options;
  const { qname = (client, count) => `n${client}-${count % 50}.example.org` } = options;
  let running = true;
  const rcodes = new Map<string, number>();
  const clients = protocols.map(async (protocol, index) => {
    const client = protocol === 'udp' ? await UdpClient.open(server) : await TcpClient.open(server);
    let count = 0;
    const ask = async () => {
      while (running) {
        const response = await client.ask({ qname: qname(index, count++) }).catch(() => undefined);
        const rcode = response?.rcode ?? 'lost';
        rcodes.set(rcode, (rcodes.get(rcode) ?? 0) + 1);
        if (rcodes.get('lost') === MAX_LOST) running = false;
      }
    };
    await Promise.all(Array.from({ length: outstanding }, ask));
    client.close();
  });
  return {
    count: () => [...rcodes.values()].reduce((sum, count) => sum + count, 0),
    async stop() {
      running = false;
      await Promise.all(clients);
      return [...rcodes.keys()];
    },
  };
}
