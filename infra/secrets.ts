import { stageSettings } from "./stage.ts";

/**
 * A JWK set as JSON, private halves included; `npm run admin` makes one. Set with `sst secret set SigningKeys`, kept by
 * SST encrypted in the account's state bucket, and handed to the function in its environment. Not linked: see function.ts.
 */
export const signingKeys = new sst.Secret("SigningKeys");

/**
 * Encrypts the functions' environments, the signing keys in them. With a key of ours, whoever may read a function's
 * configuration reads none of it without kms:Decrypt on this key, and who did shows in CloudTrail. In production only, as
 * it costs a dollar a month: elsewhere Lambda encrypts with AWS's own key, which everybody who may read the
 * configuration may use.
 */
export const environmentKey = stageSettings($app.stage, process.env).production
  ? new aws.kms.Key("EnvironmentKey", {
      description: `Function environment of ${$app.name} (${$app.stage})`,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    })
  : undefined;

if (environmentKey !== undefined) {
  new aws.kms.Alias("EnvironmentKeyAlias", {
    name: `alias/${$app.name}-${$app.stage}-environment`,
    targetKeyId: environmentKey.keyId,
  });
}
