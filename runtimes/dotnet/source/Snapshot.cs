using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Thaw.Runtime
{
    /// <summary>
    /// What is done in a process that will be copied, before and after. The hooks are those that a function registers with
    /// Amazon.Lambda.Core.SnapshotRestore ("Lambda SnapStart runtime hooks for .NET").
    /// </summary>
    internal static class Snapshot
    {
        private const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Static;

        /// <summary>Hooks, last registered first; then the heap is made small.</summary>
        internal static void Before()
        {
            foreach (var hook in Hooks("BeforeSnapshotRegistry").Reverse()) Wait(hook);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }

        /// <summary>New seeds; then the hooks in the order of their registration.</summary>
        internal static void After()
        {
            MakeUnique();
            foreach (var hook in Hooks("AfterRestoreRegistry")) Wait(hook);
        }

        private static IEnumerable<Delegate> Hooks(string registry)
        {
            var core = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(each => each.GetName().Name == "Amazon.Lambda.Core");
            var type = core == null ? null : core.GetType("Amazon.Lambda.Core.SnapshotRestore");
            var field = type == null ? null : type.GetField(registry, Hidden);
            return field == null ? Enumerable.Empty<Delegate>() : ((IEnumerable)field.GetValue(null)).Cast<Delegate>().ToArray();
        }

        /// <summary>A hook returns a ValueTask, which is younger than the types this is compiled against.</summary>
        private static void Wait(Delegate hook)
        {
            var pending = hook.DynamicInvoke();
            var task = pending as Task ?? (Task)pending.GetType().GetMethod("AsTask").Invoke(pending, null);
            task.GetAwaiter().GetResult();
        }

        /// <summary>
        /// Random objects draw their seeds from generators that .NET keeps for each thread: those of this thread are dropped, so
        /// that they are made anew from the system's random bytes. Guid and RandomNumberGenerator ask the system each time.
        /// Random objects that the function made itself stay as they are.
        /// </summary>
        private static void MakeUnique()
        {
            Forget(typeof(Random), "t_threadRandom"); // .NET Core 3.1
            var seeds = typeof(Random).GetField("s_globalRandom", Hidden);
            if (seeds != null) Scramble((Random)seeds.GetValue(null));
            Forget(typeof(Random).GetNestedType("ThreadSafeRandom", Hidden), "t_random"); // .NET 6 and later: Random.Shared
        }

        /// <summary>Gives a generator of the old kind (a table of numbers below Int32.MaxValue) a state of its own.</summary>
        private static void Scramble(Random generator)
        {
            foreach (var field in typeof(Random).GetFields(BindingFlags.NonPublic | BindingFlags.Instance))
            {
                var table = field.GetValue(generator) as int[];
                for (var at = 0; table != null && at < table.Length; at++)
                    table[at] = (BitConverter.ToInt32(Guid.NewGuid().ToByteArray(), 0) & 0x7fffffff) % int.MaxValue;
            }
        }

        private static void Forget(Type type, string name)
        {
            var field = type == null ? null : type.GetField(name, Hidden);
            if (field != null) field.SetValue(null, null);
        }
    }
}
