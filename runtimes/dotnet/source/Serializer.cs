using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;

namespace Thaw.Runtime
{
    /// <summary>
    /// Turns events into objects and answers into bytes: streams as they are, all else through the serializer that the function
    /// names in a LambdaSerializer attribute, or else through System.Text.Json.
    /// </summary>
    internal sealed class Serializer
    {
        private const int Rounds = 20;
        private readonly object own;
        private readonly MethodInfo deserialize;
        private readonly MethodInfo serialize;

        private Serializer(object own, MethodInfo deserialize, MethodInfo serialize)
        {
            this.own = own;
            this.deserialize = deserialize;
            this.serialize = serialize;
        }

        internal static Serializer Of(MethodInfo method, Assembly assembly)
        {
            var attribute = method.GetCustomAttributes(true).Concat(assembly.GetCustomAttributes(true))
                .FirstOrDefault(each => each.GetType().FullName == "Amazon.Lambda.Core.LambdaSerializerAttribute");
            if (attribute == null) return new Serializer(null, null, null);
            var type = (Type)attribute.GetType().GetProperty("SerializerType").GetValue(attribute, null);
            var contract = type.GetInterfaces().FirstOrDefault(each => each.FullName == "Amazon.Lambda.Core.ILambdaSerializer");
            if (contract == null)
                throw new LambdaValidationException("The serializer " + type.FullName + " does not implement Amazon.Lambda.Core.ILambdaSerializer.");
            return new Serializer(Activator.CreateInstance(type), contract.GetMethod("Deserialize"), contract.GetMethod("Serialize"));
        }

        /// <summary>Loads and compiles what JSON of this type needs, without making an object of it.</summary>
        internal void Prime(Type type)
        {
            if (own != null || type == typeof(Stream) || type == typeof(void)) return;
            var sample = new Dictionary<string, object> { { "text", "\u00e9" }, { "number", 1.5 }, { "list", new object[] { true, null, 1 } } };
            for (var round = 0; round < Rounds; round++)
                Json.Read(Json.Write(sample, sample.GetType()), sample.GetType());
            if (!type.IsValueType) Json.Read(System.Text.Encoding.UTF8.GetBytes("null"), type);
        }

        internal object Read(byte[] input, Type type)
        {
            if (type == typeof(Stream)) return new MemoryStream(input);
            if (own != null) return deserialize.MakeGenericMethod(type).Invoke(own, new object[] { new MemoryStream(input) });
            return Json.Read(input, type);
        }

        internal byte[] Write(object value, Type type)
        {
            var output = new MemoryStream();
            var stream = value as Stream;
            if (stream != null)
            {
                stream.CopyTo(output);
                stream.Dispose();
                return output.ToArray();
            }
            if (own == null) return Json.Write(value, type);
            serialize.MakeGenericMethod(type).Invoke(own, new[] { value, output });
            return output.ToArray();
        }

        /// <summary>System.Text.Json with the settings of Lambda's default serializer; loaded when it is first needed.</summary>
        private static class Json
        {
            private static readonly Type Library = Required("System.Text.Json.JsonSerializer");
            private static readonly Type OptionsType = Required("System.Text.Json.JsonSerializerOptions");
            private static readonly object Options = MakeOptions();

            internal static object Read(byte[] input, Type type)
            {
                var method = Library.GetMethod("Deserialize", new[] { typeof(string), typeof(Type), OptionsType });
                return method.Invoke(null, new[] { System.Text.Encoding.UTF8.GetString(input), type, Options });
            }

            internal static byte[] Write(object value, Type type)
            {
                var method = Library.GetMethod("SerializeToUtf8Bytes", new[] { typeof(object), typeof(Type), OptionsType });
                return (byte[])method.Invoke(null, new[] { value, type, Options });
            }

            private static object MakeOptions()
            {
                var options = Activator.CreateInstance(OptionsType);
                OptionsType.GetProperty("PropertyNameCaseInsensitive").SetValue(options, true, null);
                return options;
            }

            private static Type Required(string name)
            {
                var type = Type.GetType(name + ", System.Text.Json");
                if (type == null) throw new LambdaValidationException("This .NET has no System.Text.Json: name a serializer with the LambdaSerializer attribute, or take a Stream.");
                return type;
            }
        }
    }
}
