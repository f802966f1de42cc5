using System;
using System.Collections.Generic;
using System.Reflection;
using System.Text;

namespace Thaw.Runtime
{
    /// <summary>A failure in the words of Lambda's own .NET runtimes: errorType, errorMessage, stackTrace, cause.</summary>
    internal sealed class Failure
    {
        internal readonly string Type;
        internal readonly byte[] Document;
        /// <summary>for the log</summary>
        internal readonly string Text;

        internal Failure(Exception thrown)
        {
            var error = Unwrapped(thrown);
            Type = error.GetType().Name;
            var json = new StringBuilder();
            Write(json, error);
            Document = Encoding.UTF8.GetBytes(json.ToString());
            Text = error.ToString();
        }

        /// <summary>What the function threw, without what reflection and tasks wrap around it.</summary>
        private static Exception Unwrapped(Exception error)
        {
            while (true)
            {
                var many = error as AggregateException;
                if (many != null && many.InnerExceptions.Count == 1) error = many.InnerExceptions[0];
                else if (error is TargetInvocationException && error.InnerException != null) error = error.InnerException;
                else return error;
            }
        }

        private static void Write(StringBuilder json, Exception error)
        {
            json.Append("{\"errorType\":");
            Quote(json, error.GetType().Name);
            json.Append(",\"errorMessage\":");
            Quote(json, error.Message);
            json.Append(",\"stackTrace\":[");
            var first = true;
            foreach (var line in (error.StackTrace ?? "").Split('\n'))
            {
                if (line.Trim().Length == 0 || line.Contains(" Thaw.Runtime.")) continue;
                if (!first) json.Append(',');
                first = false;
                Quote(json, line.Trim());
            }
            json.Append(']');
            if (error.InnerException != null)
            {
                json.Append(",\"cause\":");
                Write(json, error.InnerException);
            }
            json.Append('}');
        }

        private static void Quote(StringBuilder json, string text)
        {
            json.Append('"');
            foreach (var character in text)
            {
                if (character == '"' || character == '\\') json.Append('\\').Append(character);
                else if (character < ' ' || char.IsSurrogate(character)) json.Append("\\u").Append(((int)character).ToString("x4"));
                else json.Append(character);
            }
            json.Append('"');
        }
    }

    /// <summary>The handler's name or shape is wrong. Named as in Lambda's own runtimes.</summary>
    internal sealed class LambdaValidationException : Exception
    {
        internal LambdaValidationException(string message) : base(message) { }
    }
}
