package thaw;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;

/**
 * Loads and links what the function's own classes name, beginning with its handler's, before a process is copied: else every
 * copy does when it comes to it. Nothing is initialised, so no code of the function runs (Java Language Specification, 12.4.1).
 */
final class Linking {
    /** Of the function's own classes: beyond them, a library is rather there than used. */
    private static final int MOST = 500;

    private final ClassLoader loader;
    private final Set<String> seen = new HashSet<>();
    private final Queue<String> waiting = new ArrayDeque<>();

    private Linking(ClassLoader loader) {
        this.loader = loader;
    }

    static void from(Class<?> handler) {
        ClassLoader loader = handler.getClassLoader();
        if (loader == null) return; // of the JDK itself
        Linking linking = new Linking(loader);
        linking.add(handler.getName());
        for (int left = MOST; left > 0 && !linking.waiting.isEmpty(); left--) linking.link(linking.waiting.remove());
    }

    private void add(String name) {
        if (seen.add(name)) waiting.add(name);
    }

    private void link(String name) {
        try {
            Class<?> type = Class.forName(name, false, loader);
            if (type.getClassLoader() != loader) return;
            type.getDeclaredConstructors(); // HotSpot links a class that is asked for them
            try (InputStream file = loader.getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (file == null) return;
                ClassFile read = new ClassFile(new BufferedInputStream(file));
                for (String each : read.classes) add(each);
                for (ClassFile.Concatenation each : read.concatenations) join(each);
            }
        } catch (IOException | ReflectiveOperationException | LinkageError | RuntimeException missing) {
            // The function may never come to it.
        }
    }

    /** The JDK makes a class for each combination of types that are joined to a text, and keeps it. Not before Java 9. */
    private void join(ClassFile.Concatenation text) throws ReflectiveOperationException {
        MethodType type = MethodType.fromMethodDescriptorString(text.descriptor, loader);
        Object[] constants = new Object[text.constants];
        Arrays.fill(constants, "");
        Method make = Class.forName("java.lang.invoke.StringConcatFactory").getMethod("makeConcatWithConstants",
            MethodHandles.Lookup.class, String.class, MethodType.class, String.class, Object[].class);
        make.invoke(null, MethodHandles.lookup(), "makeConcatWithConstants", type, text.recipe, constants);
        Method site = Class.forName("java.lang.invoke.Invokers").getDeclaredMethod("linkToTargetMethod", MethodType.class);
        site.setAccessible(true);
        site.invoke(null, type);
    }
}
