using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

namespace Thaw.Runtime
{
    /// <summary>
    /// Objects that implement an interface of the function's own libraries, which this program knows only by name: every
    /// abstract method calls one delegate with the method's name and its arguments.
    /// </summary>
    public static class StandIn
    {
        private static readonly Dictionary<Type, Type> Made = new Dictionary<Type, Type>();
        private static ModuleBuilder module;

        public static object Of(Type contract, Func<string, object[], object> answer)
        {
            Type type;
            if (!Made.TryGetValue(contract, out type)) Made[contract] = type = Make(contract);
            var made = Activator.CreateInstance(type);
            type.GetField("answer").SetValue(made, answer);
            return made;
        }

        private static Type Make(Type contract)
        {
            if (module == null)
            {
                var name = new AssemblyName("Thaw.StandIns");
                module = AssemblyBuilder.DefineDynamicAssembly(name, AssemblyBuilderAccess.Run).DefineDynamicModule("main");
            }
            var type = module.DefineType("StandIn" + Made.Count, TypeAttributes.Public | TypeAttributes.Sealed, typeof(object), new[] { contract });
            var answer = type.DefineField("answer", typeof(Func<string, object[], object>), FieldAttributes.Public);
            foreach (var method in contract.GetInterfaces().Concat(new[] { contract }).SelectMany(each => each.GetMethods()))
            {
                // Methods with a body of their own (default interface methods) stay as they are.
                if (method.IsAbstract && !method.IsGenericMethodDefinition) Implement(type, answer, method);
            }
            return type.CreateType();
        }

        private static void Implement(TypeBuilder type, FieldInfo answer, MethodInfo method)
        {
            var parameters = method.GetParameters().Select(each => each.ParameterType).ToArray();
            var attributes = MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.HideBySig | MethodAttributes.NewSlot;
            var made = type.DefineMethod(method.Name, attributes, method.ReturnType, parameters);
            var code = made.GetILGenerator();
            code.Emit(OpCodes.Ldarg_0);
            code.Emit(OpCodes.Ldfld, answer);
            code.Emit(OpCodes.Ldstr, method.Name);
            code.Emit(OpCodes.Ldc_I4, parameters.Length);
            code.Emit(OpCodes.Newarr, typeof(object));
            for (var at = 0; at < parameters.Length; at++)
            {
                code.Emit(OpCodes.Dup);
                code.Emit(OpCodes.Ldc_I4, at);
                code.Emit(OpCodes.Ldarg, at + 1);
                if (parameters[at].IsValueType) code.Emit(OpCodes.Box, parameters[at]);
                code.Emit(OpCodes.Stelem_Ref);
            }
            code.Emit(OpCodes.Callvirt, typeof(Func<string, object[], object>).GetMethod("Invoke"));
            if (method.ReturnType == typeof(void)) code.Emit(OpCodes.Pop);
            else code.Emit(OpCodes.Unbox_Any, method.ReturnType);
            code.Emit(OpCodes.Ret);
            type.DefineMethodOverride(made, method);
        }
    }
}
