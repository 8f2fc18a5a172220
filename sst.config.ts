/// <reference path="./.sst/platform/config.d.ts" />

// SST refuses imports at the top of this file: everything is imported inside app() and run().
export default $config({
  async app(input) {
    const { isProduction, regionOf } = await import("./infra/stage.ts");
    const production = isProduction(input.stage);
    return {
      name: "verification-sessions",
      home: "aws",
      // `sst remove` is refused where `protect` is set; were it lifted, the tables would still be kept.
      protect: production,
      removal: production ? "retain" : "remove",
      providers: { aws: { region: regionOf(process.env) } },
    };
  },
  async run() {
    const { api, apiFunction, functionLog, issuer, live } = await import("./infra/api.ts");
    const { alarmTopic } = await import("./infra/alarms.ts");
    await import("./infra/monitoring.ts");
    const { clients, deliveries, limits, verification } = await import("./infra/storage.ts");
    const { deadLetters, deliver, deliveryQueue, failedRecords, publish } = await import(
      "./infra/webhooks.ts"
    );
    return {
      api: api.url,
      issuer,
      function: apiFunction.name,
      alias: live.name,
      verificationTable: verification.name,
      clientsTable: clients.name,
      limitsTable: limits.name,
      deliveriesTable: deliveries.name,
      deliveryQueue: deliveryQueue.url,
      deadLetters: deadLetters.url,
      failedRecords: failedRecords.name,
      publishFunction: publish.function.name,
      deliverFunction: deliver.function.name,
      publishLog: publish.log.name,
      deliverLog: deliver.log.name,
      functionLog: functionLog.name,
      accessLog: api.nodes.logGroup.name,
      alarmTopic: alarmTopic?.arn,
    };
  },
});
