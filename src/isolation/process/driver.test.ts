import { driverContract } from "../driver.contract.ts";

driverContract("process", { options: { driver: "process" }, cannot: "the process driver isolates nothing" });
