package thaw;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;

/** The environment variables that Java shows, and gives to processes it starts. The C library's getenv(3) is not told. */
final class Variables {
    private Variables() {}

    /**
     * Makes them these and no others. Behind System.getenv() is a map of java.lang.ProcessEnvironment's own types, which only
     * that class can make.
     */
    static void replace(Map<String, String> variables) throws ReflectiveOperationException {
        Class<?> keeper = Class.forName("java.lang.ProcessEnvironment");
        Field field = keeper.getDeclaredField("theEnvironment");
        field.setAccessible(true);
        @SuppressWarnings("unchecked")
        Map<Object, Object> kept = (Map<Object, Object>) field.get(null);
        Map<Object, Object> made = new HashMap<>();
        for (Map.Entry<String, String> each : new ArrayList<>(variables.entrySet())) {
            made.put(own("java.lang.ProcessEnvironment$Variable", each.getKey()), own("java.lang.ProcessEnvironment$Value", each.getValue()));
        }
        kept.clear();
        kept.putAll(made);
    }

    /** With the bytes as they are in any environment of ours, whatever encoding this JVM took from its locale. */
    private static Object own(String type, String text) throws ReflectiveOperationException {
        Constructor<?> make = Class.forName(type).getDeclaredConstructor(String.class, byte[].class);
        make.setAccessible(true);
        return make.newInstance(text, text.getBytes(StandardCharsets.UTF_8));
    }
}
