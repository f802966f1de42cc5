package thaw;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.api.client.HandlerInfo;
import com.amazonaws.services.lambda.runtime.api.client.LambdaEnvironment;
import com.amazonaws.services.lambda.runtime.api.client.LambdaRequestHandler;
import com.amazonaws.services.lambda.runtime.api.client.logging.AbstractLambdaLogger;
import com.amazonaws.services.lambda.runtime.api.client.logging.LambdaContextLogger;
import com.amazonaws.services.lambda.runtime.api.client.logging.LogSink;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.LambdaRuntimeApiClient;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.LambdaRuntimeApiClientImpl;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.dto.InvocationRequest;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ServiceLoader;

/**
 * Walks the client's own way from the end of a restore to an answer before a process is copied: its loop, its connections,
 * its JSON, its log, against an API inside this process. What a copy does for the first time costs it class loading, linking,
 * and a page of memory of its own at every step. Handlers of ours stand in for the function's: nothing of it runs.
 */
final class Priming {
    private static final String EVENT = "{\"text\":\"\u00e9\",\"number\":1.5,\"list\":[true,null,{\"deep\":1}]}";
    private static final String TRACE = "com.amazonaws.xray.traceHeader";

    private Priming() {}

    /** With so many events of each kind. */
    static void run(int rounds) {
        String trace = System.getProperty(TRACE);
        try (FakeApi api = new FakeApi(EVENT)) {
            rehearse(api, rounds);
            linkHandler();
        } catch (Exception | LinkageError failure) {
            // Another version of the client works differently: its copies are only slower.
        } finally {
            // The native half knows one address, the last it was told.
            new LambdaRuntimeApiClientImpl(LambdaEnvironment.RUNTIME_API);
            if (trace == null) System.clearProperty(TRACE);
            else System.setProperty(TRACE, trace);
            if (LambdaRuntime.getLogger() instanceof AbstractLambdaLogger) {
                ((AbstractLambdaLogger) LambdaRuntime.getLogger()).setLambdaContext(null);
            }
        }
    }

    /**
     * Has the JDK make what it calls the function's handler through, and the client its readers and writers of the handler's
     * types. Arguments that are too many are refused before a method is entered.
     */
    private static void linkHandler() throws Exception {
        HandlerInfo handler = HandlerInfo.fromString(System.getenv("_HANDLER"), Thread.currentThread().getContextClassLoader());
        Linking.from(handler.clazz);
        String name = handler.methodName == null ? "handleRequest" : handler.methodName;
        for (Method method : handler.clazz.getMethods()) {
            if (!method.getName().equals(name)) continue;
            try {
                method.setAccessible(true); // else it is looked into a receiver that is not there
                method.invoke(null, new Object[method.getParameterCount() + 1]);
            } catch (RuntimeException | IllegalAccessException refused) {
                // as it should be
            }
            if (hasSerializerOfItsOwn() || method.isBridge()) continue;
            for (Type type : method.getGenericParameterTypes()) prepareJson(type);
            prepareJson(method.getGenericReturnType());
        }
    }

    /** Jackson looks at a type once; the client keeps what it has found. Not of types that the client hands on as they are. */
    private static void prepareJson(Type type) throws Exception {
        if (type == void.class || type == InputStream.class || type == OutputStream.class || type == Context.class) return;
        for (Method method : EventHandlerLoader.class.getDeclaredMethods()) {
            if (!method.getName().equals("getSerializerCached")) continue;
            method.setAccessible(true);
            Object platform = method.getParameterTypes()[0].getDeclaredField("UNKNOWN").get(null);
            method.invoke(null, platform, type);
        }
    }

    private static void rehearse(FakeApi api, int rounds) throws Exception {
        Client client = new Client(api.address());
        for (int round = 0; round < rounds; round++) client.restoreNext();
        loop(client, new HandlerInfo(Rehearsals.Streams.class, null), rounds);
        loop(client, new HandlerInfo(Rehearsals.Streams.class, "handleRequest"), rounds);
        if (!hasSerializerOfItsOwn()) {
            loop(client, new HandlerInfo(Rehearsals.Maps.class, null), rounds);
            loop(client, new HandlerInfo(Rehearsals.Maps.class, "handleRequest"), rounds);
            loop(client, new HandlerInfo(Rehearsals.Beans.class, "handleRequest"), rounds);
            loop(client, new HandlerInfo(Rehearsals.Objects.class, "handleRequest"), rounds);
            loop(client, new HandlerInfo(Rehearsals.Failing.class, "handleRequest"), 3);
        }
        System.out.print(""); // writes nothing
        System.out.flush();
        api.endConnections();
        client.restoreNext();
        loop(client, new HandlerInfo(Rehearsals.Streams.class, null), 1);
    }

    /** The client's loop itself, so that each of its calls is linked; it is private. */
    private static void loop(Client client, HandlerInfo handler, int rounds) throws Exception {
        Method loop = AWSLambda.class.getDeclaredMethod(
            "startRuntimeLoop", LambdaRequestHandler.class, LambdaContextLogger.class, LambdaRuntimeApiClient.class, boolean.class);
        loop.setAccessible(true);
        client.left = rounds;
        try {
            LambdaContextLogger silent = new LambdaContextLogger(new Silence(), LogLevel.UNDEFINED, LogFormat.TEXT);
            loop.invoke(null, EventHandlerLoader.loadEventHandler(handler), silent, client, true);
        } catch (InvocationTargetException end) {
            if (!(end.getCause() instanceof Enough)) throw end;
        }
    }

    /** A serializer of the function's own is its code. */
    private static boolean hasSerializerOfItsOwn() {
        return ServiceLoader.load(CustomPojoSerializer.class, Thread.currentThread().getContextClassLoader()).iterator().hasNext();
    }

    /** Says after some events that it is enough: that ends the client's loop. */
    private static final class Client extends LambdaRuntimeApiClientImpl {
        int left;

        Client(String address) {
            super(address);
        }

        @Override
        public InvocationRequest nextInvocation() {
            if (left-- == 0) throw new Enough();
            return super.nextInvocation();
        }
    }

    private static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static final class Silence implements LogSink {
        @Override
        public void log(byte[] message) {}

        @Override
        public void log(LogLevel level, LogFormat format, byte[] message) {}

        @Override
        public void close() throws IOException {}
    }
}
