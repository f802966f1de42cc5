using System;
using System.Collections.Generic;

namespace Thaw.Runtime
{
    /// <summary>What a function sees as ILambdaContext (Lambda Developer Guide, "Lambda context object in C#").</summary>
    internal sealed class Context
    {
        private static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        private readonly Dictionary<string, string> headers;

        internal Context(Dictionary<string, string> headers)
        {
            this.headers = headers;
        }

        internal object As(Type contract)
        {
            var logger = contract.GetProperty("Logger");
            var log = logger == null ? null : StandIn.Of(logger.PropertyType, Log);
            return StandIn.Of(contract, (name, arguments) => name == "get_Logger" ? log : Value(name));
        }

        private object Value(string getter)
        {
            switch (getter)
            {
                case "get_AwsRequestId": return Header("Lambda-Runtime-Aws-Request-Id");
                case "get_InvokedFunctionArn": return Header("Lambda-Runtime-Invoked-Function-Arn");
                case "get_TraceId": return Header("Lambda-Runtime-Trace-Id");
                case "get_TenantId": return Header("Lambda-Runtime-Aws-Tenant-Id");
                case "get_FunctionName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_NAME");
                case "get_FunctionVersion": return Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_VERSION");
                case "get_LogGroupName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_GROUP_NAME");
                case "get_LogStreamName": return Environment.GetEnvironmentVariable("AWS_LAMBDA_LOG_STREAM_NAME");
                case "get_MemoryLimitInMB": return int.Parse(Environment.GetEnvironmentVariable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") ?? "0");
                case "get_RemainingTime": return Remaining();
                default: return null; // ClientContext and Identity: only the mobile SDKs send them
            }
        }

        private TimeSpan Remaining()
        {
            var left = Epoch.AddMilliseconds(long.Parse(Header("Lambda-Runtime-Deadline-Ms"))) - DateTime.UtcNow;
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }

        private string Header(string name)
        {
            string value;
            headers.TryGetValue(name, out value);
            return value;
        }

        /// <summary>Log(text), LogLine(text), LogInformation(text), Log(level, text) … of any version of ILambdaLogger.</summary>
        private static object Log(string name, object[] arguments)
        {
            var text = "";
            foreach (var argument in arguments)
            {
                if (argument is string) text = (string)argument;
            }
            if (name == "Log" && arguments.Length == 1) Console.Write(text);
            else if (name.StartsWith("Log", StringComparison.Ordinal)) Console.WriteLine(text);
            return null;
        }
    }
}
