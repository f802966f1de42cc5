import { ask, type Info } from "../api.ts";
import { Card, Command, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { loadVersions, type RungView, type SnapshotView } from "../versions.ts";
import { bytes, ms, whole } from "../words.ts";

/** Images of initialised processes, and the ladder each version starts by. */
export function ImagesPage() {
  const versions = usePolled(loadVersions, 2500);
  const info = usePolled(() => ask<Info>("/_thaw/info"), 5000);
  const all = versions.value ?? [];
  const ready = all.filter(({ image }) => image.state === "ready").length;
  const refused = all.filter(({ image }) => image.state === "refused").length;
  return (
    <>
      <div class="title">
        <div>
          <h1>Images</h1>
          <p>
            Copies of initialised processes on the disk. A version with an image starts as a copy of it; one without
            falls to the booted runtime, or starts plainly.
          </p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Versions with an image" value={whole(ready)} />
          <Figure name="Refused" value={whole(refused)} hint={refused > 0 ? "why, below" : ""} />
          <Figure name="On the disk" value={bytes(info.value?.snapshots.storedBytes ?? 0)} />
          <Figure name="Policy" value={info.value?.snapshots.policy ?? "–"} />
        </dl>
      </Card>
      <Card>
        <Problem text={versions.problem} />
        {versions.value?.length === 0 ? (
          <Empty title="No version has started yet">
            A version is looked at when it is first called. Publish one with SnapStart to have its image made at once.
            <Command text="aws lambda update-function-configuration --function-name NAME --snap-start ApplyOn=PublishedVersions" />
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Version</th>
                  <th>Image</th>
                  <th>Starts on</th>
                  <th class="number">Restore</th>
                  <th class="number">Pool</th>
                  <th class="number">Plain</th>
                  <th class="number">Provisioned</th>
                </tr>
              </thead>
              <tbody>
                {all.map((each) => (
                  <tr key={`${each.function} ${each.version}`}>
                    <td class="wrap">
                      <a href={functionPath(each.function)}>{each.function}</a>{" "}
                      <small class="soft">{each.version}</small>
                    </td>
                    <td>
                      <ImageState of={each.image} />
                    </td>
                    <td>
                      {each.rung ?? "–"}
                      {each.why && <small class="soft">, {each.why}</small>}
                    </td>
                    {["restore", "pool", "plain"].map((rung) => (
                      <td key={rung} class="number">
                        <RungFigure of={each.rungs[rung]} />
                      </td>
                    ))}
                    <td class="number">
                      {each.provisioned === undefined ? "–" : String(each.provisioned.requested ?? "yes")}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

export function ImageState({ of }: { of: SnapshotView }) {
  return (
    <>
      {of.state === "ready" ? `${bytes(of.bytes ?? 0)}` : of.state}
      {of.why && <small class="soft">: {of.why}</small>}
    </>
  );
}

function RungFigure({ of }: { of: RungView | undefined }) {
  if (of === undefined || (of.starts === 0 && of.failures === 0)) return <>–</>;
  return (
    <span title={of.lastFailure ?? ""}>
      {of.ms === undefined ? "–" : ms(of.ms)} <small class="soft">× {of.starts}</small>
      {of.failures > 0 && <small class="problem"> {of.failures} failed</small>}
    </span>
  );
}
