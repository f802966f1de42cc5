/**
 * The operations that exist, by AWS's name, each loaded when it is first called: a server is up before most of them are
 * read. Whatever the model has and this table has not is answered with 501.
 */
export const operations: Readonly<Record<string, () => Promise<unknown>>> = {
  AddLayerVersionPermission: async () => (await import("./add-layer-version-permission.ts")).addLayerVersionPermission,
  AddPermission: async () => (await import("./add-permission.ts")).addPermission,
  CreateAlias: async () => (await import("./create-alias.ts")).createAlias,
  CreateCodeSigningConfig: async () => (await import("./create-code-signing-config.ts")).createCodeSigningConfig,
  CreateFunction: async () => (await import("./create-function.ts")).createFunction,
  DeleteAlias: async () => (await import("./delete-alias.ts")).deleteAlias,
  DeleteCodeSigningConfig: async () => (await import("./delete-code-signing-config.ts")).deleteCodeSigningConfig,
  DeleteFunctionCodeSigningConfig: async () =>
    (await import("./delete-function-code-signing-config.ts")).deleteFunctionCodeSigningConfig,
  DeleteFunctionConcurrency: async () => (await import("./delete-function-concurrency.ts")).deleteFunctionConcurrency,
  DeleteFunction: async () => (await import("./delete-function.ts")).deleteFunction,
  DeleteLayerVersion: async () => (await import("./delete-layer-version.ts")).deleteLayerVersion,
  DeleteProvisionedConcurrencyConfig: async () =>
    (await import("./delete-provisioned-concurrency-config.ts")).deleteProvisionedConcurrencyConfig,
  DeleteResourcePolicy: async () => (await import("./delete-resource-policy.ts")).deleteResourcePolicy,
  GetAccountSettings: async () => (await import("./get-account-settings.ts")).getAccountSettings,
  GetAlias: async () => (await import("./get-alias.ts")).getAlias,
  GetCodeSigningConfig: async () => (await import("./get-code-signing-config.ts")).getCodeSigningConfig,
  GetFunctionCodeSigningConfig: async () =>
    (await import("./get-function-code-signing-config.ts")).getFunctionCodeSigningConfig,
  GetFunctionConcurrency: async () => (await import("./get-function-concurrency.ts")).getFunctionConcurrency,
  GetFunctionConfiguration: async () => (await import("./get-function-configuration.ts")).getFunctionConfiguration,
  GetFunction: async () => (await import("./get-function.ts")).getFunction,
  GetLayerVersionByArn: async () => (await import("./get-layer-version-by-arn.ts")).getLayerVersionByArn,
  GetLayerVersionPolicy: async () => (await import("./get-layer-version-policy.ts")).getLayerVersionPolicy,
  GetLayerVersion: async () => (await import("./get-layer-version.ts")).getLayerVersion,
  GetPolicy: async () => (await import("./get-policy.ts")).getPolicy,
  GetResourcePolicy: async () => (await import("./get-resource-policy.ts")).getResourcePolicy,
  GetProvisionedConcurrencyConfig: async () =>
    (await import("./get-provisioned-concurrency-config.ts")).getProvisionedConcurrencyConfig,
  ListAliases: async () => (await import("./list-aliases.ts")).listAliases,
  ListCodeSigningConfigs: async () => (await import("./list-code-signing-configs.ts")).listCodeSigningConfigs,
  ListFunctionsByCodeSigningConfig: async () =>
    (await import("./list-functions-by-code-signing-config.ts")).listFunctionsByCodeSigningConfig,
  ListFunctions: async () => (await import("./list-functions.ts")).listFunctions,
  ListLayerVersions: async () => (await import("./list-layer-versions.ts")).listLayerVersions,
  ListLayers: async () => (await import("./list-layers.ts")).listLayers,
  ListProvisionedConcurrencyConfigs: async () =>
    (await import("./list-provisioned-concurrency-configs.ts")).listProvisionedConcurrencyConfigs,
  ListTags: async () => (await import("./list-tags.ts")).listTags,
  ListVersionsByFunction: async () => (await import("./list-versions-by-function.ts")).listVersionsByFunction,
  PublishLayerVersion: async () => (await import("./publish-layer-version.ts")).publishLayerVersion,
  PublishVersion: async () => (await import("./publish-version.ts")).publishVersion,
  PutFunctionCodeSigningConfig: async () =>
    (await import("./put-function-code-signing-config.ts")).putFunctionCodeSigningConfig,
  PutFunctionConcurrency: async () => (await import("./put-function-concurrency.ts")).putFunctionConcurrency,
  PutProvisionedConcurrencyConfig: async () =>
    (await import("./put-provisioned-concurrency-config.ts")).putProvisionedConcurrencyConfig,
  PutResourcePolicy: async () => (await import("./put-resource-policy.ts")).putResourcePolicy,
  RemoveLayerVersionPermission: async () =>
    (await import("./remove-layer-version-permission.ts")).removeLayerVersionPermission,
  RemovePermission: async () => (await import("./remove-permission.ts")).removePermission,
  TagResource: async () => (await import("./tag-resource.ts")).tagResource,
  UntagResource: async () => (await import("./untag-resource.ts")).untagResource,
  UpdateAlias: async () => (await import("./update-alias.ts")).updateAlias,
  UpdateCodeSigningConfig: async () => (await import("./update-code-signing-config.ts")).updateCodeSigningConfig,
  UpdateFunctionCode: async () => (await import("./update-function-code.ts")).updateFunctionCode,
  UpdateFunctionConfiguration: async () =>
    (await import("./update-function-configuration.ts")).updateFunctionConfiguration,
  CreateEventSourceMapping: async () => (await import("./create-event-source-mapping.ts")).createEventSourceMapping,
  CreateFunctionUrlConfig: async () => (await import("./create-function-url-config.ts")).createFunctionUrlConfig,
  DeleteEventSourceMapping: async () => (await import("./delete-event-source-mapping.ts")).deleteEventSourceMapping,
  DeleteFunctionEventInvokeConfig: async () =>
    (await import("./delete-function-event-invoke-config.ts")).deleteFunctionEventInvokeConfig,
  DeleteFunctionUrlConfig: async () => (await import("./delete-function-url-config.ts")).deleteFunctionUrlConfig,
  GetEventSourceMapping: async () => (await import("./get-event-source-mapping.ts")).getEventSourceMapping,
  GetFunctionEventInvokeConfig: async () =>
    (await import("./get-function-event-invoke-config.ts")).getFunctionEventInvokeConfig,
  GetFunctionRecursionConfig: async () =>
    (await import("./get-function-recursion-config.ts")).getFunctionRecursionConfig,
  GetFunctionUrlConfig: async () => (await import("./get-function-url-config.ts")).getFunctionUrlConfig,
  GetRuntimeManagementConfig: async () =>
    (await import("./get-runtime-management-config.ts")).getRuntimeManagementConfig,
  ListEventSourceMappings: async () => (await import("./list-event-source-mappings.ts")).listEventSourceMappings,
  ListFunctionEventInvokeConfigs: async () =>
    (await import("./list-function-event-invoke-configs.ts")).listFunctionEventInvokeConfigs,
  ListFunctionUrlConfigs: async () => (await import("./list-function-url-configs.ts")).listFunctionUrlConfigs,
  PutFunctionEventInvokeConfig: async () =>
    (await import("./put-function-event-invoke-config.ts")).putFunctionEventInvokeConfig,
  PutFunctionRecursionConfig: async () =>
    (await import("./put-function-recursion-config.ts")).putFunctionRecursionConfig,
  PutRuntimeManagementConfig: async () =>
    (await import("./put-runtime-management-config.ts")).putRuntimeManagementConfig,
  UpdateEventSourceMapping: async () => (await import("./update-event-source-mapping.ts")).updateEventSourceMapping,
  UpdateFunctionEventInvokeConfig: async () =>
    (await import("./update-function-event-invoke-config.ts")).updateFunctionEventInvokeConfig,
  UpdateFunctionUrlConfig: async () => (await import("./update-function-url-config.ts")).updateFunctionUrlConfig,
  CheckpointDurableExecution: async () =>
    (await import("./checkpoint-durable-execution.ts")).checkpointDurableExecution,
  DeleteDurableExecution: async () => (await import("./delete-durable-execution.ts")).deleteDurableExecution,
  GetDurableExecution: async () => (await import("./get-durable-execution.ts")).getDurableExecution,
  GetDurableExecutionHistory: async () =>
    (await import("./get-durable-execution-history.ts")).getDurableExecutionHistory,
  GetDurableExecutionState: async () => (await import("./get-durable-execution-state.ts")).getDurableExecutionState,
  ListDurableExecutionsByFunction: async () =>
    (await import("./list-durable-executions-by-function.ts")).listDurableExecutionsByFunction,
  PauseDurableExecution: async () => (await import("./pause-durable-execution.ts")).pauseDurableExecution,
  ResumeDurableExecution: async () => (await import("./resume-durable-execution.ts")).resumeDurableExecution,
  SendDurableExecutionCallbackFailure: async () =>
    (await import("./send-durable-execution-callback-failure.ts")).sendDurableExecutionCallbackFailure,
  SendDurableExecutionCallbackHeartbeat: async () =>
    (await import("./send-durable-execution-callback-heartbeat.ts")).sendDurableExecutionCallbackHeartbeat,
  SendDurableExecutionCallbackSuccess: async () =>
    (await import("./send-durable-execution-callback-success.ts")).sendDurableExecutionCallbackSuccess,
  StopDurableExecution: async () => (await import("./stop-durable-execution.ts")).stopDurableExecution,
  CreateCapacityProvider: async () => (await import("./create-capacity-provider.ts")).createCapacityProvider,
  DeleteCapacityProvider: async () => (await import("./delete-capacity-provider.ts")).deleteCapacityProvider,
  GetCapacityProvider: async () => (await import("./get-capacity-provider.ts")).getCapacityProvider,
  GetFunctionScalingConfig: async () => (await import("./get-function-scaling-config.ts")).getFunctionScalingConfig,
  ListCapacityProviders: async () => (await import("./list-capacity-providers.ts")).listCapacityProviders,
  ListFunctionVersionsByCapacityProvider: async () =>
    (await import("./list-function-versions-by-capacity-provider.ts")).listFunctionVersionsByCapacityProvider,
  PutFunctionScalingConfig: async () => (await import("./put-function-scaling-config.ts")).putFunctionScalingConfig,
  UpdateCapacityProvider: async () => (await import("./update-capacity-provider.ts")).updateCapacityProvider,
};
