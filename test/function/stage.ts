import {
  type FaultRoom,
  STATUS_PARAMETER,
  startFaultRoom,
  TOKEN_PARAMETER,
} from '../../bench/faults/fault-room.ts';
import {
  type FunctionHarness,
  type FunctionHarnessOptions,
  openFunctionHarness,
} from '../../local/function-harness.ts';

export { STATUS_PARAMETER, TOKEN_PARAMETER };

export const MINUTE_MS = 60_000;

type Json = Readonly<Record<string, unknown>>;

/** An error as Lambda's Invoke answers it: `name` is the errorType, `payload` the whole answer. */
export type FunctionError = Error & { readonly payload: Json };

/** A room with the synthesized function, and everything that came out of it kept for the last tests. */
export interface Scene extends FaultRoom {
  /** The newest version of the token that is stored. */
  stored(): { readonly value: string; readonly version: number } | undefined;
  status(): Json;
  /** The error that an invocation ends with; fails where it ends well. */
  failure(event?: object): Promise<FunctionError>;
}

interface SceneOptions extends FunctionHarnessOptions {
  /** Whose function and authorization server to use. @default a plain room's */
  readonly base?: FunctionHarness;
  /** A call that the policies refuse is what the scene is about. */
  readonly isDenied?: boolean;
}

/** What all scenes left behind. */
export const remains = {
  /** Everything that the function wrote, answered or stored beside the token. */
  haystack: [] as string[],
  /** What must not be in it. */
  canaries: new Set<string>(),
  /** The function's calls to AWS and its policies, scene by scene. */
  policies: [] as (Pick<FunctionHarness, 'fn'> & {
    readonly calls: FaultRoom['aws']['calls'];
    readonly isDenied: boolean;
  })[],
};

let plain: Promise<FunctionHarness> | undefined;

/** The room that all others stand beside: synthesized once. */
export function plainRoom(): Promise<FunctionHarness> {
  plain ??= openFunctionHarness({});
  return plain;
}

export async function closeStage(): Promise<void> {
  await (await plain)?.close();
}

/** Plays in a room of its own, and keeps what came out of it. */
export async function play<T>(options: SceneOptions, action: (scene: Scene) => Promise<T>): Promise<T> {
  const { base = await plainRoom(), isDenied = false, ...roomOptions } = options;
  const room = await startFaultRoom(base, roomOptions);
  const scene: Scene = {
    ...room,
    async invoke(event) {
      try {
        const result = await room.invoke(event);
        remains.haystack.push(JSON.stringify(result));
        return result;
      } catch (error) {
        remains.haystack.push(JSON.stringify((error as FunctionError).payload ?? String(error)));
        throw error;
      }
    },
    stored: () => room.aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions.at(-1),
    status: () => JSON.parse(room.aws.ssm.parameters.get(STATUS_PARAMETER)?.versions.at(-1)?.value ?? 'null'),
    async failure(event = {}) {
      const outcome = await scene.invoke(event).catch((error: FunctionError) => error);
      if (outcome instanceof Error) return outcome as FunctionError;
      throw new Error(`It did not fail: ${JSON.stringify(outcome)}`);
    },
  };
  try {
    return await action(scene);
  } finally {
    room.clearFaults();
    keep(room, isDenied);
    await room.close();
  }
}

function keep(room: FaultRoom, isDenied: boolean): void {
  const { aws, fn, process, tokens, clientSecrets } = room;
  const statuses = aws.ssm.parameters.get(STATUS_PARAMETER)?.versions ?? [];
  remains.haystack.push(...process.lines, ...statuses.map(({ value }) => value));
  for (const canary of [...tokens.keys(), ...clientSecrets]) remains.canaries.add(canary);
  remains.policies.push({ fn, calls: aws.calls, isDenied });
}
