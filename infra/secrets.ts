import { stageSettings } from "./stage.ts";

/** A JWK set as JSON, private halves included; `npm run admin` makes one. Set with `sst secret set SigningKeys`. */
export const signingKeys = new sst.Secret("SigningKeys");

/**
 * Encrypts the function's environment. SST puts the secrets, encrypted, into the bundle and their key into the
 * environment: whoever may read code and configuration could read them. With a key of ours, the configuration
 * alone gives nothing away without kms:Decrypt. In production only, as it costs a dollar a month.
 */
export const environmentKey = stageSettings($app.stage, process.env).production
  ? new aws.kms.Key("EnvironmentKey", {
      description: `Function environment of ${$app.name} (${$app.stage})`,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    })
  : undefined;
