using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Thaw.Runtime
{
    /// <summary>The function: Assembly::Namespace.Type::Method.</summary>
    internal sealed class Handler
    {
        private const BindingFlags Any =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

        private readonly MethodInfo method;
        private readonly object target;
        private readonly Serializer serializer;

        private Handler(MethodInfo method, object target, Serializer serializer)
        {
            this.method = method;
            this.target = target;
            this.serializer = serializer;
        }

        /// <summary>Loads the function's code and makes its object. Throws what its code throws, or LambdaValidationException.</summary>
        internal static Handler Load(string name, string root)
        {
            var parts = name.Split(new[] { "::" }, StringSplitOptions.None);
            if (parts.Length != 3 || parts.Any(string.IsNullOrWhiteSpace))
                throw new LambdaValidationException("Invalid lambda function handler: '" + name + "'. The valid format is 'ASSEMBLY::TYPE::METHOD'.");
            // Libraries lie beside the function's assembly; one with a deps.json has told the host where the others are.
            AppDomain.CurrentDomain.AssemblyResolve += (sender, wanted) =>
            {
                var path = Path.Combine(root, new AssemblyName(wanted.Name).Name + ".dll");
                return File.Exists(path) ? Assembly.LoadFrom(path) : null;
            };
            var file = Path.Combine(root, parts[0] + ".dll");
            if (!File.Exists(file))
                throw new LambdaValidationException("Could not find the specified handler assembly with the file name '" + parts[0] + "'. The assembly should be located in the root of your uploaded .zip file.");
            var assembly = Assembly.LoadFrom(file);
            var type = assembly.GetType(parts[1]);
            if (type == null)
                throw new LambdaValidationException("Unable to load type '" + parts[1] + "' from assembly '" + parts[0] + "'.");
            var method = Find(type, parts);
            var target = method.IsStatic ? null : Activator.CreateInstance(type);
            if (method.IsStatic) System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(type.TypeHandle);
            return new Handler(method, target, Serializer.Of(method, assembly));
        }

        private static MethodInfo Find(Type type, string[] parts)
        {
            var found = type.GetMethods(Any).Where(each => each.Name == parts[2]).ToArray();
            if (found.Length == 0)
                throw new LambdaValidationException("Unable to find method '" + parts[2] + "' in type '" + parts[1] + "' from assembly '" + parts[0] + "'.");
            if (found.Length > 1)
                throw new LambdaValidationException("Method '" + parts[2] + "' in type '" + parts[1] + "' is overloaded; a handler's name has to be unique.");
            if (found[0].GetParameters().Length > 2)
                throw new LambdaValidationException("Method '" + parts[2] + "' of type '" + parts[1] + "' has more than two parameters: event and context.");
            return found[0];
        }

        /// <summary>
        /// Makes ready what the first event would have to load and compile, in a process that will be copied: JSON as far as
        /// nothing of the function runs, and the object that stands in for its context.
        /// </summary>
        internal void Prime()
        {
            try
            {
                foreach (var parameter in method.GetParameters())
                {
                    var type = parameter.ParameterType;
                    if (type.FullName == "Amazon.Lambda.Core.ILambdaContext") new Context(new System.Collections.Generic.Dictionary<string, string>()).As(type);
                    else serializer.Prime(type);
                }
                serializer.Prime(method.ReturnType.IsGenericType && typeof(Task).IsAssignableFrom(method.ReturnType) ? method.ReturnType.GetGenericArguments()[0] : method.ReturnType);
            }
            catch (Exception)
            {
                // Copies are only slower then.
            }
        }

        /// <summary>The answer's bytes. Throws whatever the function throws.</summary>
        internal byte[] Call(byte[] input, Context context)
        {
            var parameters = method.GetParameters();
            var arguments = new object[parameters.Length];
            for (var at = 0; at < parameters.Length; at++)
            {
                var type = parameters[at].ParameterType;
                if (type.FullName == "Amazon.Lambda.Core.ILambdaContext") arguments[at] = context.As(type);
                else if (at == 0) arguments[at] = serializer.Read(input, type);
                else throw new LambdaValidationException("The second parameter of a handler is an ILambdaContext, not " + type.FullName + ".");
            }
            var result = method.Invoke(target, arguments);
            var returned = method.ReturnType;
            var task = result as Task;
            if (task != null)
            {
                task.GetAwaiter().GetResult();
                if (!returned.IsGenericType) return new byte[0];
                result = returned.GetProperty("Result").GetValue(task, null);
                returned = returned.GetGenericArguments()[0];
            }
            return returned == typeof(void) || returned == typeof(Task) ? new byte[0] : serializer.Write(result, returned);
        }
    }
}
