/**
 * The archive of code that stands in a template: `index.js` or `index.py`, and the module `cfn-response` (`cfnresponse`) by which
 * functions of custom resources answer. Source: CloudFormation User Guide, "cfn-response module" and AWS::Lambda::Function Code.
 * Unlike AWS's, ours takes the URL's own scheme and port: the platform need not be reached over TLS.
 */
export async function inlineZip(code: string, runtime: string): Promise<Buffer> {
  const { ZipFile } = await import("yazl");
  const archive = new ZipFile();
  const mtime = new Date(1980, 0, 2);
  const options = { mtime, mode: 0o100644 };
  const python = runtime.startsWith("python");
  archive.addBuffer(Buffer.from(code), python ? "index.py" : "index.js", options);
  if (python) archive.addBuffer(Buffer.from(pythonModule), "cfnresponse.py", options);
  else if (/require\(\s*['"]cfn-response['"]/.test(code)) {
    archive.addBuffer(Buffer.from(nodeModule), "node_modules/cfn-response/index.js", options);
  }
  archive.end();
  const pieces: Buffer[] = [];
  for await (const piece of archive.outputStream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const nodeModule = `"use strict";
exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";
exports.send = function (event, context, status, data, physicalId, noEcho) {
  const body = JSON.stringify({
    Status: status,
    Reason: "See the details in CloudWatch Log Stream: " + context.logStreamName,
    PhysicalResourceId: physicalId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: data,
  });
  const url = new URL(event.ResponseURL);
  const { request } = require(url.protocol === "http:" ? "http" : "https");
  return new Promise(function (resolve) {
    const finished = function () { context.done && context.done(); resolve(); };
    const sent = request(url, { method: "PUT", headers: { "content-type": "", "content-length": Buffer.byteLength(body) } }, function (answer) {
      answer.resume();
      answer.on("end", finished);
    });
    sent.on("error", finished);
    sent.end(body);
  });
};
`;

const pythonModule = `import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    body = json.dumps({
        "Status": responseStatus,
        "Reason": reason or "See the details in CloudWatch Log Stream: " + context.log_stream_name,
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""})
    try:
        urllib.request.urlopen(request).read()
    except Exception as error:
        print("send(..) failed:", error)
`;
