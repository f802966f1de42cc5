using System;
using System.Collections.Generic;
using System.IO;

namespace Thaw.Runtime
{
    /// <summary>
    /// Serves a .NET function through the Runtime API. Compiled against the types of mscorlib that every .NET since Core 3.1
    /// forwards; what is newer than those (System.Text.Json, ValueTask, Amazon.Lambda.Core) is reached by reflection.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] arguments)
        {
            var api = new RuntimeApi(Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API"));
            var template = arguments.Length > 1 && arguments[1] == "template";
            Handler handler;
            try
            {
                handler = Handler.Load(arguments[0], Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT"));
                if (template)
                {
                    handler.Prime();
                    Snapshot.Before();
                }
            }
            catch (Exception error)
            {
                return End(api, "runtime/init/error", error);
            }
            if (template)
            {
                // Copies of this process wake in here.
                api.Get("runtime/restore/next");
                try
                {
                    Snapshot.After();
                }
                catch (Exception error)
                {
                    return End(api, "runtime/restore/error", error);
                }
            }
            while (true) Serve(api, handler, api.Get("runtime/invocation/next"));
        }

        private static void Serve(RuntimeApi api, Handler handler, Answer invocation)
        {
            var id = invocation.Headers["Lambda-Runtime-Aws-Request-Id"];
            string trace;
            invocation.Headers.TryGetValue("Lambda-Runtime-Trace-Id", out trace);
            Environment.SetEnvironmentVariable("_X_AMZN_TRACE_ID", trace);
            byte[] answer;
            try
            {
                answer = handler.Call(invocation.Body, new Context(invocation.Headers));
            }
            catch (Exception error)
            {
                var failure = new Failure(error);
                Console.WriteLine(failure.Text);
                Flush();
                api.Post("runtime/invocation/" + id + "/error", failure.Document, failure.Type);
                return;
            }
            Flush();
            var refused = api.Post("runtime/invocation/" + id + "/response", answer, null) == 413;
            if (!refused) return;
            var tooLarge = new Failure(new InvalidDataException("Response payload size exceeded maximum allowed payload size (6291556 bytes)."));
            api.Post("runtime/invocation/" + id + "/error", tooLarge.Document, "Function.ResponseSizeTooLarge");
        }

        private static int End(RuntimeApi api, string path, Exception error)
        {
            var failure = new Failure(error);
            Console.WriteLine(failure.Text);
            Flush();
            api.Post(path, failure.Document, failure.Type);
            return 1;
        }

        /// <summary>What is written belongs before the answer.</summary>
        private static void Flush()
        {
            Console.Out.Flush();
            Console.Error.Flush();
        }
    }
}
