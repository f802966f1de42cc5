package thaw;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Handlers of the kinds that functions have, which stand in for the function's own. */
final class Rehearsals {
    private Rehearsals() {}

    public static class Streams implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream event, OutputStream answer, Context context) throws IOException {
            byte[] bytes = new byte[1024];
            for (int size = event.read(bytes); size >= 0; size = event.read(bytes)) answer.write(bytes, 0, size);
        }
    }

    public static class Maps implements RequestHandler<Map<String, Object>, Map<String, Object>> {
        @Override
        public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
            event.put("id", context.getAwsRequestId() + context.getRemainingTimeInMillis());
            return event;
        }
    }

    /** Its fields are named as those of the event. */
    public static class Bean {
        public String text;
        public double number;
        public List<Object> list;
        public int count = 1;
        public long[] many = {1, 2};
        public Map<String, String> words = Collections.singletonMap("a", "b");
        private boolean done;

        public boolean isDone() {
            return done;
        }

        public void setDone(boolean done) {
            this.done = done;
        }
    }

    public static class Beans implements RequestHandler<Bean, Bean> {
        @Override
        public Bean handleRequest(Bean event, Context context) {
            return event;
        }
    }

    public static class Objects implements RequestHandler<Object, String> {
        @Override
        public String handleRequest(Object event, Context context) {
            return event.toString();
        }
    }

    public static class Failing implements RequestHandler<Object, Object> {
        @Override
        public Object handleRequest(Object event, Context context) {
            throw new IllegalStateException("rehearsed");
        }
    }
}
