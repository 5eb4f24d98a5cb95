/** Builds a kustomization: as much of kustomize as `deploy/` uses, and an error for anything else. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { run } from './child.ts';
import { findProgram } from './programs.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

/** An object of Kubernetes. What else it has is read by those who know its kind. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    name: string;
    namespace?: string;
    labels?: { [name: string]: string };
  };
  data?: { [key: string]: string };
  spec?: Fields;
  readonly rules?: unknown;
  readonly subjects?: unknown;
  readonly roleRef?: unknown;
};

type Operation = { readonly op: string; readonly path: string; readonly value?: Json };

type ConfigMapGenerator = {
  readonly name: string;
  readonly namespace?: string;
  readonly behavior?: 'replace';
  readonly files: readonly string[];
  readonly options: { readonly disableNameSuffixHash: true; readonly labels?: { [name: string]: string } };
};

type Kustomization = {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly ConfigMapGenerator[];
  readonly patches?: readonly {
    readonly target: { readonly kind: string; readonly name?: string };
    readonly patch: string;
  }[];
  readonly namespace?: string;
  readonly nameSuffix?: string;
  readonly labels?: readonly { readonly pairs: { [name: string]: string }; readonly includeSelectors: true }[];
};

const KNOWN_FIELDS: readonly (keyof Kustomization | 'apiVersion' | 'kind')[] = [
  ...(['apiVersion', 'kind', 'resources', 'components', 'configMapGenerator'] as const),
  ...(['patches', 'namespace', 'nameSuffix', 'labels'] as const),
];

/** All objects of a kustomization, as `kubectl apply -k DIRECTORY` would send them. */
export function kustomize(directory: string): Manifest[] {
  return build(directory, []);
}

/** The same by kubectl; undefined where there is none, or one whose kustomize is older than what `deploy/` is written for. */
export async function kubectlKustomize(directory: string): Promise<Manifest[] | undefined> {
  const kubectl = findProgram('kubectl');
  if (kubectl === undefined) return undefined;
  const version = await run([kubectl, 'version', '--client'], { cwd: directory }).catch(() => '');
  const [, major] = /Kustomize Version: v(\d+)/.exec(version) ?? [];
  if (major === undefined || Number(major) < 5) return undefined;
  return readManifests(await run([kubectl, 'kustomize', directory], { cwd: directory }));
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}

/** `given` are the objects that a component is laid upon. */
function build(directory: string, given: readonly Manifest[]): Manifest[] {
  const kustomization = readKustomization(directory);
  const { resources = [], components = [], configMapGenerator = [], patches = [] } = kustomization;
  let manifests = [...given];
  for (const resource of resources) {
    const path = join(directory, resource);
    const isDirectory = statSync(path).isDirectory();
    manifests.push(...(isDirectory ? kustomize(path) : readManifests(readFileSync(path, 'utf8'))));
  }
  for (const generator of configMapGenerator) manifests = generate(manifests, generator, directory);
  for (const component of components) manifests = build(join(directory, component), manifests);
  for (const { target, patch } of patches) {
    const targets = manifests.filter(({ kind, metadata }) => {
      return kind === target.kind && (target.name ?? metadata.name) === metadata.name;
    });
    if (targets.length === 0) throw new Error(`${directory}: a patch for ${target.kind} ${target.name} has no target`);
    const operations: Operation[] = parse(patch);
    for (const manifest of targets) for (const operation of operations) applyOperation(manifest, operation);
  }
  for (const manifest of manifests) transform(manifest, kustomization);
  return manifests;
}

function readKustomization(directory: string): Kustomization {
  const file = join(directory, 'kustomization.yaml');
  const kustomization: Kustomization = parse(readFileSync(file, 'utf8'));
  const unknown = Object.keys(kustomization).filter((field) => !KNOWN_FIELDS.some((known) => known === field));
  if (unknown.length > 0)
    throw new Error(`${file}: ${unknown.join(', ')}: not known here; teach test/support/kustomize.ts`);
  return kustomization;
}

function generate(manifests: Manifest[], generator: ConfigMapGenerator, directory: string): Manifest[] {
  const { name, namespace, behavior, files, options } = generator;
  const data = Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
  const old = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  if ((old !== undefined) !== (behavior === 'replace')) throw new Error(`${directory}: ConfigMap ${name}: behavior?`);
  const { labels } = options;
  const metadata = { name, ...(namespace && { namespace }), ...(labels && { labels }) };
  return [...manifests.filter((manifest) => manifest !== old), { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }];
}

/** Of RFC 6902: add, replace and remove. */
function applyOperation(manifest: Manifest, { op, path, value }: Operation): void {
  const steps = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop() ?? '';
  const absent = () => new Error(`${manifest.kind} ${manifest.metadata.name}: ${op} ${path}: nothing is there`);
  let parent: Json | undefined = manifest as Fields;
  for (const step of steps) parent = isContainer(parent) ? Reflect.get(parent, step) : undefined;
  if (!isContainer(parent)) throw absent();
  if (op !== 'add' && !Reflect.has(parent, last)) throw absent();
  if (Array.isArray(parent)) {
    if (op === 'remove') parent.splice(Number(last), 1);
    else if (op === 'replace') parent[Number(last)] = value ?? null;
    else parent.splice(last === '-' ? parent.length : Number(last), 0, value ?? null);
  } else if (op === 'remove') {
    delete parent[last];
  } else {
    // A copy: several objects may get the same value.
    parent[last] = structuredClone(value ?? null);
  }
}

function isContainer(value: Json | undefined): value is Json[] | Fields {
  return typeof value === 'object' && value !== null;
}

function transform(manifest: Manifest, { namespace, nameSuffix = '', labels = [] }: Kustomization): void {
  const { metadata } = manifest;
  if (namespace !== undefined) metadata.namespace = namespace;
  metadata.name += nameSuffix;
  for (const { pairs } of labels) {
    metadata.labels = { ...metadata.labels, ...pairs };
    for (const path of ['/spec/selector/matchLabels', '/spec/template/metadata/labels']) {
      for (const [name, value] of Object.entries(pairs))
        applyOperation(manifest, { op: 'add', path: `${path}/${name}`, value });
    }
  }
}

/** The overlays of `deploy/`, by name. */
export function overlayDirectory(name: string): string {
  const directory = join(import.meta.dirname, '../../deploy/overlays', name);
  if (!existsSync(directory)) throw new Error(`there is no overlay ${name}`);
  return directory;
}
