package thaw;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.api.client.HandlerInfo;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.LambdaRuntimeApiClientImpl;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Type;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TimeZone;

/**
 * A process that is copied before it has a function ("bare", agent/PROTOCOL.md): all that can be done without one is done
 * once, so that a copy has only the function's own classes to load. The client makes its class loader for these
 * (/var/task, its lib, /opt/java/lib) when it starts, which is in the copy; so are its classes initialised that look
 * at the function or its variables: AWSLambda, LambdaEnvironment, PojoSerializerLoader.
 */
final class Bare {
    /** Fewer than the 200 calls after which the JVM compiles: what is rehearsed here may not know the function's variables. */
    private static final int ROUNDS = 20;
    private static final int PATIENCE_MS = 2000;
    private static final String EVENT = "{\"text\":\"\u00e9\",\"number\":1.5,\"list\":[true,null,{\"deep\":1}]}";
    private static final String CLIENT = "com.amazonaws.services.lambda.runtime.api.client.";
    /** Loaded, but not initialised: they read variables, or are for what a function may never do. */
    private static final String[] LATER = {
        "AWSLambda", "LambdaEnvironment", "PojoSerializerLoader", "CustomerClassLoader", "ClasspathLoader", "EventHandlerLoader$2", "UserFault",
        "api.LambdaContext", "api.LambdaCognitoIdentity", "api.LambdaClientContext", "util.ConcurrencyConfig",
        "logging.FramedTelemetryLogSink", "logging.StdOutLogSink", "logging.LambdaContextLogger", "logging.LogFiltering",
        "logging.TextLogFormatter", "logging.JsonLogFormatter", "ReservedRuntimeEnvironmentVariables",
        "runtimeapi.dto.InvocationRequest", "util.LambdaOutputStream", "util.UnsafeUtil",
    };

    private Bare() {}

    /** Returns in copies only, which have the function's variables then: its handler. */
    @SuppressWarnings("unchecked")
    static String awaitFunction() throws Exception {
        PojoSerializer<Map<String, Object>> documents = JacksonFactory.getInstance().getSerializer((Class<Map<String, Object>>) (Class<?>) Map.class);
        String api = System.getenv("AWS_LAMBDA_RUNTIME_API");
        String zone = System.getenv("TZ");
        rehearse(documents);
        Variables.replace(System.getenv());
        Uniqueness.reseed();
        Compilers.await(PATIENCE_MS);
        Garbage.overwrite();
        Report.drew(false); // what was rehearsed has kept nothing that it drew
        Map<String, Object> document = documents.fromJson(Report.restoreNext(api));
        Map<String, String> variables = (Map<String, String>) document.get("env");
        variables.put("AWS_LAMBDA_RUNTIME_API", api);
        Variables.replace(variables);
        Uniqueness.reseed();
        String own = variables.get("TZ");
        if (own != null && !own.equals(zone)) TimeZone.setDefault(TimeZone.getTimeZone(own.startsWith(":") ? own.substring(1) : own));
        return variables.get("_HANDLER");
    }

    /** JSON as the client reads and writes it, common things of the JDK, the client's own. */
    private static void rehearse(PojoSerializer<Map<String, Object>> documents) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            documents.toJson(documents.fromJson(EVENT), out);
            PojoSerializer<Object> beans = JacksonFactory.getInstance().getSerializer((Type) Rehearsals.Bean.class);
            beans.toJson(beans.fromJson(EVENT), out);
        }
        Commonplaces.run(ROUNDS);
        try {
            for (String name : LATER) Class.forName(CLIENT + name, false, Bare.class.getClassLoader()).getDeclaredMethods();
            converse();
            load();
        } catch (ReflectiveOperationException | LinkageError | RuntimeException another) {
            // Another version of the client works differently: its copies only load more.
        }
    }

    /** With the client's native half and its connections, against an API of our own. */
    private static void converse() throws Exception {
        try (FakeApi api = new FakeApi(EVENT)) {
            LambdaRuntimeApiClientImpl client = new LambdaRuntimeApiClientImpl(api.address());
            for (int round = 0; round <= ROUNDS; round++) {
                if (round == ROUNDS) api.endConnections();
                client.reportInvocationSuccess(client.nextInvocation().getId(), "{}".getBytes("UTF-8"));
            }
        }
    }

    /**
     * Handlers as the client loads the function's, by a loader as it makes one. None with objects: for these it looks once
     * and for all whether the function brings a serializer.
     */
    private static void load() throws Exception {
        EventHandlerLoader.loadEventHandler(new HandlerInfo(Rehearsals.Streams.class, null));
        EventHandlerLoader.loadEventHandler(new HandlerInfo(Rehearsals.Streams.class, "handleRequest"));
        URL own = Bare.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {own}, null)) {
            Class.forName("thaw.Garbage", true, loader);
        }
        ServiceLoader.load(CustomPojoSerializer.class, Bare.class.getClassLoader()).iterator().hasNext();
    }
}
