package thaw;

import com.amazonaws.services.lambda.crac.Context;
import com.amazonaws.services.lambda.crac.Resource;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.api.client.HandlerInfo;
import com.amazonaws.services.lambda.runtime.api.client.LambdaRequestHandler;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.dto.InvocationRequest;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Walks the client's own way from an event to an answer before a process is copied, so that no copy loads and links its
 * classes again. A method of the JDK stands in for the handler: nothing of the function runs.
 */
final class Priming implements Resource {
    private static final int ROUNDS = 20;
    private static final String EVENT = "{\"text\":\"\u00e9\",\"number\":1.5,\"list\":[true,null,{\"deep\":1}]}";

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        try {
            LambdaRequestHandler handler = EventHandlerLoader.loadEventHandler(new HandlerInfo(Map.class, "copyOf"));
            for (int round = 0; round < ROUNDS; round++) handler.call(request());
        } catch (Exception | Error failure) {
            // Another version of the client works differently: its copies are only slower.
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {}

    private static InvocationRequest request() {
        InvocationRequest request = new InvocationRequest();
        request.setId("00000000-0000-0000-0000-000000000000");
        request.setInvokedFunctionArn("arn:aws:lambda:us-east-1:000000000000:function:priming");
        request.setDeadlineTimeInMs(System.currentTimeMillis() + 1000);
        request.setContent(EVENT.getBytes(StandardCharsets.UTF_8));
        return request;
    }
}
