import { type FunctionVersion, ServiceError } from "../model/index.ts";
import type { AnyPool, PoolNeeds } from "./any-pool.ts";
import type { Environment } from "./environment.ts";
import { Pool } from "./pool.ts";
import { Provisioned, type ProvisionedNeeds } from "./provisioned.ts";
import { SharedPool } from "./shared-pool.ts";

/** Everything of one function version (one `key`). */
export interface Station {
  readonly pool: AnyPool;
  readonly provisioned: Provisioned;
  /** of a version that keeps its tenants apart: each tenant's own, there as long as it has environments or waits for one */
  readonly tenants: Map<string, Pool>;
}

export interface StationsNeeds {
  readonly pool: PoolNeeds;
  readonly provisioned: ProvisionedNeeds;
  /** environments that all tenants of a version may have together */
  readonly mostForTenants: number;
}

/**
 * The pools of all versions. A version whose tenants are kept apart has one for each tenant; they share how it starts, for a
 * copy of an initialised process has seen no tenant yet.
 */
export class Stations {
  readonly #needs: StationsNeeds;
  readonly #stations = new Map<string, Station>();

  constructor(needs: StationsNeeds) {
    this.#needs = needs;
  }

  /** Made when it is first asked for. */
  of(target: FunctionVersion): Station {
    let station = this.#stations.get(target.key);
    if (!station) {
      const pool = target.managed ? new SharedPool(target, this.#needs.pool) : new Pool(target, this.#needs.pool);
      station = { pool, provisioned: new Provisioned(pool, this.#needs.provisioned), tenants: new Map() };
      this.#stations.set(target.key, station);
    }
    return station;
  }

  find(key: string): Station | undefined {
    return this.#stations.get(key);
  }

  /** The pool that serves a tenant, or everybody. Made when it is first asked for. */
  poolOf(target: FunctionVersion, tenant: string | undefined): AnyPool {
    const { pool, tenants } = this.of(target);
    if (tenant === undefined) return pool;
    let own = tenants.get(tenant);
    if (!own) {
      own = new Pool(target, this.#needs.pool, { id: tenant, starts: pool.starts });
      tenants.set(tenant, own);
    }
    return own;
  }

  /**
   * Lets a tenant have one environment more: where its version has as many as it may, the one that was idle longest ends,
   * whosever it was. Throws TooManyRequestsException when none is idle. To be asked before poolOf().
   */
  makeRoom(target: FunctionVersion, tenant: string): void {
    const tenants = this.#stations.get(target.key)?.tenants;
    if (tenants === undefined || tenants.get(tenant)?.idle().length) return;
    let count = 0;
    let idlest: Environment | undefined;
    for (const pool of tenants.values()) {
      count += pool.all.size;
      for (const one of pool.idle()) if (idlest === undefined || one.idleSince < idlest.idleSince) idlest = one;
    }
    if (count < this.#needs.mostForTenants) return;
    if (idlest === undefined) {
      throw new ServiceError("TooManyRequestsException", "Rate Exceeded.", {
        Reason: "ConcurrentInvocationLimitExceeded",
      });
    }
    void idlest.stop();
  }

  values(): Iterable<Station> {
    return this.#stations.values();
  }

  *pools(): Iterable<AnyPool> {
    for (const { pool, tenants } of this.#stations.values()) {
      yield pool;
      yield* tenants.values();
    }
  }

  /** An environment ends. */
  ended(environment: Environment): void {
    const { key } = environment.plan.target;
    const station = this.#stations.get(key);
    if (!station) return;
    const { tenant } = environment;
    const pool = tenant === undefined ? station.pool : station.tenants.get(tenant);
    pool?.drop(environment);
    station.provisioned.ended();
    // Nobody says when a tenant is gone for good.
    if (tenant !== undefined && pool?.empty) station.tenants.delete(tenant);
    this.forgetIfOver(key);
  }

  forgetIfOver(key: string): void {
    const station = this.#stations.get(key);
    if (station?.pool.retired && station.pool.empty && station.tenants.size === 0) this.#stations.delete(key);
  }
}
