import { type JsonService, serveJson, withContext } from "../json.ts";
import type { AwsService } from "../service.ts";
import { deleteScheduledAction, describeScheduledActions, putScheduledAction } from "./actions.ts";
import { describeScalingActivities } from "./activities.ts";
import { type CapacityNeeds, createCapacity } from "./capacity.ts";
import { scalingModel } from "./model.ts";
import type { ScalingContext } from "./operation.ts";
import { deleteScalingPolicy, describeScalingPolicies, putScalingPolicy } from "./policies.ts";
import { createScaler } from "./scaler.ts";
import { deregisterScalableTarget, describeScalableTargets, registerScalableTarget } from "./targets.ts";

export interface AutoScalingNeeds extends Omit<CapacityNeeds, "clock"> {
  report(error: unknown): void;
}

const operations = {
  DeleteScalingPolicy: deleteScalingPolicy,
  DeleteScheduledAction: deleteScheduledAction,
  DeregisterScalableTarget: deregisterScalableTarget,
  DescribeScalableTargets: describeScalableTargets,
  DescribeScalingActivities: describeScalingActivities,
  DescribeScalingPolicies: describeScalingPolicies,
  DescribeScheduledActions: describeScheduledActions,
  PutScalingPolicy: putScalingPolicy,
  PutScheduledAction: putScheduledAction,
  RegisterScalableTarget: registerScalableTarget,
};

const tickMs = 1000;

/** Application Auto Scaling of provisioned concurrency: its API, and the scaling itself. */
export function createAutoScaling(needs: AutoScalingNeeds): AwsService {
  const { registry, report } = needs;
  const clock = Date.now;
  const capacity = createCapacity({ ...needs, clock });
  const scaler = createScaler({ registry, capacity });
  let timer: NodeJS.Timeout | undefined;

  function start(): void {
    timer ??= setInterval(() => {
      try {
        scaler.tick(clock());
      } catch (error) {
        report(error);
      }
    }, tickMs).unref();
  }

  const context: ScalingContext = { registry, capacity, clock, begin: start };
  const service: JsonService = {
    prefix: "AnyScaleFrontendService.",
    model: scalingModel,
    operations: withContext(operations, context),
    report,
  };

  return {
    serve: (exchange) => serveJson(service, exchange),
    start,
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
