import { userInfo } from "node:os";

/** The user of this machine, for the audit. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // a container's user need not have a name
  }
}

/** AWS is asked once, and not for long: what the operator wants does not wait for it. */
const PATIENCE_MS = 2_000;

/**
 * Who works on a stage, for the audit: the ARN of the AWS identity that the command's requests are signed as, which
 * nobody can choose. Where AWS does not say it, the user of this machine.
 */
export function createAwsIdentity(): () => Promise<string> {
  let asked: Promise<string> | undefined;
  return () => (asked ??= callerArn().then((arn) => arn ?? operatorName()));
}

async function callerArn(): Promise<string | undefined> {
  // Loaded here alone: nearly every command on a stage changes nothing, or works on data of this machine.
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const sts = new STSClient({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: PATIENCE_MS,
      requestTimeout: PATIENCE_MS,
      throwOnRequestTimeout: true,
    },
  });
  try {
    return (await sts.send(new GetCallerIdentityCommand())).Arn;
  } catch {
    return undefined;
  } finally {
    sts.destroy();
  }
}
