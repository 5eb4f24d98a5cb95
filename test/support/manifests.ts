/** What the objects of `deploy/` say, and what nodens makes of them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeTemporaryDirectory } from './child.ts';
import type { Manifest } from './kustomize.ts';
import { runNodens } from './nodens.ts';

export type Probe = { readonly httpGet: { readonly host?: string; readonly path: string; readonly port: number } };

export type Container = {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number; readonly protocol: string }[];
  readonly securityContext: {
    readonly privileged?: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
};

export type Volume = {
  readonly name: string;
  readonly configMap?: {
    readonly name: string;
    readonly optional?: boolean;
    readonly items?: readonly { readonly key: string; readonly path: string }[];
  };
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string };
};

export type PodSpec = {
  readonly serviceAccountName: string;
  readonly priorityClassName: string;
  readonly hostNetwork?: boolean;
  readonly dnsPolicy: string;
  readonly enableServiceLinks: boolean;
  readonly tolerations: readonly { readonly key?: string; readonly effect?: string; readonly operator: string }[];
  readonly securityContext: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser: number;
    readonly seccompProfile: { readonly type: string };
  };
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
};

type Labels = Readonly<Record<string, string>>;

export type DaemonSetSpec = {
  readonly selector: { readonly matchLabels: Labels };
  readonly updateStrategy: { readonly type: string; readonly rollingUpdate: { readonly maxUnavailable: string } };
  readonly template: {
    readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
    readonly spec: PodSpec;
  };
};

export type DaemonSet = {
  readonly name: string;
  readonly spec: DaemonSetSpec;
  readonly pod: PodSpec;
  readonly container: Container;
};

export function daemonSets(manifests: readonly Manifest[]): DaemonSet[] {
  return manifests
    .filter(({ kind }) => kind === 'DaemonSet')
    .map((manifest) => {
      const spec = specOf<DaemonSetSpec>(manifest);
      const pod = spec.template.spec;
      return { name: manifest.metadata.name, spec, pod, container: pod.containers[0] };
    });
}

/** The caller knows what an object of this kind has. */
export function specOf<Spec>({ spec = {} }: Manifest): Spec {
  return spec as Spec;
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** What the kubelet gives the container of the Services in its namespace. */
export const SERVICE_ENVIRONMENT = {
  KUBE_DNS_SERVICE_HOST: '10.96.0.10',
  KUBE_DNS_UPSTREAM_SERVICE_HOST: '10.96.77.7',
};

export function environmentOf({ env = [] }: Container, services = SERVICE_ENVIRONMENT): Record<string, string> {
  return { ...services, ...Object.fromEntries(env.map(({ name, value }) => [name, value])) };
}

/** The arguments as the container gets them: the kubelet puts in `$(NAME)`, and leaves what it does not know as it is. */
export function argumentsOf(container: Container, services = SERVICE_ENVIRONMENT): string[] {
  const environment = environmentOf(container, services);
  return container.args.map((arg) => arg.replaceAll(/\$\((\w+)\)/g, (text, name) => environment[name] ?? text));
}

/** By name, the keys of ConfigMaps that `deploy/` does not make. */
export type ClusterConfigMaps = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a usual cluster has. */
const USUAL_CONFIG_MAPS: ClusterConfigMaps = {
  coredns: {
    Corefile: '.:53 {\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    forward . /etc/resolv.conf\n}\n',
  },
};

export type LaidOut = {
  /** What all paths of the container are below. */
  readonly root: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** Lays out what the container would get, its volumes below a temporary directory. */
export function layOut(
  { pod, container }: DaemonSet,
  manifests: readonly Manifest[],
  { configMaps = USUAL_CONFIG_MAPS, services = SERVICE_ENVIRONMENT } = {},
): LaidOut {
  const root = makeTemporaryDirectory('deploy');
  for (const { name, mountPath } of container.volumeMounts) {
    mkdirSync(join(root, mountPath), { recursive: true });
    const { configMap } = pod.volumes.find((volume) => volume.name === name) ?? {};
    if (configMap === undefined) continue;
    const absent = () => (configMap.optional ? {} : find(manifests, 'ConfigMap', configMap.name).data);
    const data = configMaps[configMap.name] ?? absent();
    const items = configMap.items ?? Object.keys(data ?? {}).map((key) => ({ key, path: key }));
    for (const { key, path } of items) write(join(root, mountPath, path), data?.[key]);
  }
  const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
  const args = argumentsOf(container, services).map((arg) => {
    const [, flag, path] = /^(-[^=]+=)(\/.*)$/.exec(arg) ?? [];
    const isMounted = mounts.some((mount) => path === mount || path?.startsWith(`${mount}/`));
    return isMounted ? `${flag}${join(root, path)}` : arg;
  });
  return { root, args, env: environmentOf(container, services) };
}

/** Runs `nodens check` as the container would. `stdout` is the Corefile that would be served. */
export async function checkContainer(set: DaemonSet, manifests: readonly Manifest[], configMaps?: ClusterConfigMaps) {
  const { root, args, env } = layOut(set, manifests, configMaps && { configMaps });
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const outcome = await runNodens(['check', ...args], { prefix: ['env', ...variables] });
  return { ...outcome, stderr: outcome.stderr.replaceAll(root, '') };
}

function write(path: string, text: string | undefined): void {
  if (text === undefined) throw new Error(`${path}: its ConfigMap has no such key`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
