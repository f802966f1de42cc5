import { driverContract } from "../driver.contract.ts";
import { probeDrivers } from "../isolation.ts";

const [container] = await probeDrivers();
if (container?.usable) driverContract("container", { options: { driver: "container" } });
