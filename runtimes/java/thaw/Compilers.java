package thaw;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/** The JVM's compiler threads, which work in the background: what they have not finished, every copy would compile anew. */
final class Compilers {
    private static final int POLL_MS = 5;
    private static final int QUIET_POLLS = 4;

    private Compilers() {}

    /** Returns when they have slept for a while, or after so many milliseconds, or at once where the kernel does not tell. */
    static void await(int patienceMs) {
        try {
            int quiet = 0;
            for (int left = patienceMs / POLL_MS; left > 0 && quiet < QUIET_POLLS; left--) {
                quiet = areAsleep() ? quiet + 1 : 0;
                Thread.sleep(POLL_MS);
            }
        } catch (IOException unknown) {
            // the image is as good, only its copies compile more
        } catch (InterruptedException early) {
            Thread.currentThread().interrupt();
        }
    }

    /** By the state in /proc/self/task/N/stat (proc_pid_stat(5)), the first word after the name in parentheses. */
    private static boolean areAsleep() throws IOException {
        File[] threads = new File("/proc/self/task").listFiles();
        if (threads == null) throw new IOException("no /proc");
        for (File thread : threads) {
            String stat = new String(Files.readAllBytes(new File(thread, "stat").toPath()), StandardCharsets.ISO_8859_1);
            if (stat.contains(" Compiler") && stat.charAt(stat.lastIndexOf(')') + 2) != 'S') return false;
        }
        return true;
    }
}
