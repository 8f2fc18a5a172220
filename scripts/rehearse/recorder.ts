import type { Cloud } from "./cloud.ts";
import type { Inputs, Plan, PlannedResource } from "./plan.ts";

// Pulumi comes with SST's platform, in a copy of its own, and is therefore loaded by path: this is what we use of it.
export type PulumiModules = {
  runtime: {
    setMocks: (mocks: unknown, project: string, stack: string, preview: boolean) => Promise<void>;
    runInPulumiStack: (program: () => Promise<unknown>) => Promise<unknown>;
  };
  settings: { getMonitor: () => Monitor; waitForRPCs: () => Promise<void> };
  rpc: { deserializeProperties: (properties: unknown) => Inputs };
};

type Monitor = {
  registerResource: (request: Registration, done: Registered) => void;
  registerResourceOutputs: (request: Outputs, done: (...given: unknown[]) => void) => void;
};
type Registered = (error: Error | null, response?: { getUrn: () => string; getObject: () => Struct }) => void;
type Outputs = { getUrn: () => string; getOutputs: () => Struct };
type Struct = { toJavaScript: () => Inputs };
type Registration = {
  getType: () => string;
  getName: () => string;
  getParent: () => string;
  getCustom: () => boolean;
  getObject: () => unknown;
  getProtect: () => boolean;
  getRetainondelete: () => boolean;
  getDependenciesList: () => string[];
};

/** Pulumi's own modules out of the platform; `load` is `require` of a place in it. */
export function loadPulumi(load: (id: string) => unknown): PulumiModules {
  const { runtime } = load("@pulumi/pulumi") as Pick<PulumiModules, "runtime">;
  return {
    runtime,
    settings: load("@pulumi/pulumi/runtime/settings.js") as PulumiModules["settings"],
    rpc: load("@pulumi/pulumi/runtime/rpc.js") as PulumiModules["rpc"],
  };
}

/**
 * Runs a Pulumi program against a stand-in for the cloud and records all that it would make. What went wrong comes back
 * with what was recorded until then; a resource that is made twice is refused, as Pulumi's engine does.
 */
export async function record(
  { runtime, settings, rpc }: PulumiModules,
  {
    cloud,
    project,
    stage,
    program,
  }: { cloud: Cloud; project: string; stage: string; program: () => Promise<unknown> },
): Promise<{ plan: Plan; failure: Error | undefined }> {
  const resources: PlannedResource[] = [];
  const byUrn = new Map<string, PlannedResource>();
  await runtime.setMocks(
    {
      newResource: ({ type, name, inputs }: { type: string; name: string; inputs: Inputs }) =>
        cloud.create(type, name, inputs),
      call: ({ token, inputs }: { token: string; inputs: Inputs }) => cloud.look(token, inputs),
    },
    project,
    stage,
    false,
  );

  // Much happens in promises that nobody holds, and Pulumi only logs what its engine refuses: any of it is a failure.
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  process.on("unhandledRejection", lost.reject);
  function refuse(error: Error | null, done: Registered): void {
    lost.reject(error);
    done(error);
  }

  // Mocks are not shown a resource's options; the monitor behind them is.
  const monitor = settings.getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) =>
    register(request, (error, response) => {
      if (error || response === undefined) return refuse(error, done);
      const urn = response.getUrn();
      if (byUrn.has(urn)) {
        return refuse(new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`), done);
      }
      const inputs = rpc.deserializeProperties(request.getObject());
      const resource: PlannedResource = {
        type: request.getType(),
        name: request.getName(),
        urn,
        parent: request.getParent() || undefined,
        component: !request.getCustom(),
        inputs: plain(inputs) as Inputs,
        secrets: secretPaths(inputs),
        outputs: plain(response.getObject().toJavaScript()) as Inputs,
        options: {
          protect: request.getProtect(),
          retainOnDelete: request.getRetainondelete(),
          dependencies: request.getDependenciesList(),
        },
      };
      resources.push(resource);
      byUrn.set(urn, resource);
      return done(null, response);
    });
  // What a component has to say, such as the names and values that it links.
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, done) => {
    const resource = byUrn.get(request.getUrn());
    if (resource !== undefined) resource.outputs = plain(request.getOutputs().toJavaScript()) as Inputs;
    registerOutputs(request, done);
  };

  // A program that waits for itself leaves nothing to do, and Node would end without a word.
  const awake = setInterval(() => {}, 1_000);
  try {
    await Promise.race([
      lost.promise,
      timeOut(120_000, "The program did not come to an end: does something in it wait for itself?"),
      runtime.runInPulumiStack(program).then(() => settled(settings, resources)),
    ]);
    return { plan: { stage, resources }, failure: undefined };
  } catch (failure) {
    return {
      plan: { stage, resources },
      failure: failure instanceof Error ? failure : new Error(String(failure)),
    };
  } finally {
    clearInterval(awake);
    process.off("unhandledRejection", lost.reject);
  }
}

/** Resources are registered from callbacks of callbacks: all is done once none has come for a while. */
async function settled(settings: PulumiModules["settings"], resources: unknown[]): Promise<void> {
  let quiet = 0;
  let before = -1;
  while (quiet < 3) {
    await settings.waitForRPCs();
    await new Promise((resolve) => setTimeout(resolve, 50));
    quiet = resources.length === before ? quiet + 1 : 0;
    before = resources.length;
  }
}

function timeOut(milliseconds: number, message: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(message)), milliseconds).unref();
  });
}

// How Pulumi marks a value on the wire: sdk/nodejs/runtime/rpc.ts, specialSigKey and what follows it.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** Where in a value Pulumi was told that something is a secret, such as `environment.variables`. */
function secretPaths(value: unknown, path: string[] = []): string[] {
  if (value === null || typeof value !== "object") return [];
  if ((value as Inputs)[SIGNATURE] === SECRET) return [path.join(".")];
  const inner = (value as Inputs)[SIGNATURE] === OUTPUT ? { "": (value as Inputs).value } : value;
  return Object.entries(inner).flatMap(([key, each]) =>
    secretPaths(each, key === "" ? path : [...path, key]),
  );
}

/** A value without Pulumi's marks: secrets are laid open, references become what they refer to. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const object = value as Inputs;
  const signature = object[SIGNATURE];
  if (signature === SECRET || signature === OUTPUT) return plain(object.value ?? null);
  if (signature !== undefined) return String(object.urn ?? object.path ?? signature);
  // Archives and files arrive as objects of Pulumi's own.
  if ("path" in object && "__pulumiAsset" in object) return String(object.path);
  return Object.fromEntries(Object.entries(object).map(([key, inner]) => [key, plain(inner)]));
}
