package thaw;

import java.io.File;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Collections;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Whether code of the function may hold random values that all copies of this process would share. All generators of the
 * JDK that are SecureRandoms have their bytes, or their seeds, from /dev/random and /dev/urandom by way of one pool of open
 * files (sun.security.provider.FileInputStreamPool): reads there are noticed. UUID.randomUUID(), keys, TLS and the names of
 * temporary files are made of them. Generators of java.util that were made without a seed, and that nobody could give a new
 * one, have moved a counter. Math.random() and ThreadLocalRandom get new seeds (Uniqueness) and do not count.
 *
 * <p>Where one of these has another name in this JDK, nothing is said: {@link #any()} is null.
 */
final class Draws {
    private static final String[] DEVICES = {"/dev/random", "/dev/urandom"};
    /** Where a function's own native libraries lie, whose draws nobody sees. */
    private static final String[] FUNCTIONS_OWN = {"/var/task/", "/opt/", "/tmp/"};

    /** The pool itself refers to its streams weakly. */
    private final InputStream[] watched = new InputStream[DEVICES.length];
    private volatile boolean read;
    private boolean blind;
    private long randoms;
    private long splittables;

    /** Before any code of the function has run. */
    Draws() {
        try {
            makeOwnGenerators();
            for (int at = 0; at < DEVICES.length; at++) watched[at] = watch(DEVICES[at]);
            randoms = counter("java.util.Random", "seedUniquifier");
            splittables = counter("java.util.SplittableRandom", "defaultGen");
        } catch (ReflectiveOperationException | RuntimeException another) {
            blind = true;
        }
    }

    /** From the beginning until now; null: that cannot be told. */
    Boolean any() {
        if (blind) return null;
        try {
            return read
                || randoms != counter("java.util.Random", "seedUniquifier")
                || splittables != counter("java.util.SplittableRandom", "defaultGen")
                || hasOpenDevices()
                || hasNativeLibraries();
        } catch (ReflectiveOperationException | IOException | RuntimeException failure) {
            return null;
        }
    }

    /** Those that get new seeds in every copy do not count, whoever needs them first. */
    private static void makeOwnGenerators() {
        Math.random();
        StrictMath.random();
        ThreadLocalRandom.current();
        Collections.shuffle(Arrays.asList(1, 2));
    }

    /** Notices when the pool's stream is read; the pool's own wrapper is all that generators have of it. */
    private InputStream watch(String device) throws ReflectiveOperationException {
        Method pooled = Class.forName("sun.security.provider.FileInputStreamPool").getDeclaredMethod("getInputStream", File.class);
        pooled.setAccessible(true);
        InputStream stream = (InputStream) pooled.invoke(null, new File(device));
        Field inner = FilterInputStream.class.getDeclaredField("in");
        inner.setAccessible(true);
        inner.set(stream, new Noticing((InputStream) inner.get(stream)));
        return stream;
    }

    private static long counter(String type, String name) throws ReflectiveOperationException {
        Field field = Class.forName(type).getDeclaredField(name);
        field.setAccessible(true);
        return ((AtomicLong) field.get(null)).get();
    }

    /** By others than the pool: each of its two is open once. */
    private static boolean hasOpenDevices() throws IOException {
        File[] open = new File("/proc/self/fd").listFiles();
        if (open == null) throw new IOException("no /proc");
        int devices = 0;
        for (File each : open) {
            for (String device : DEVICES) if (isLinkTo(each.toPath(), device)) devices++;
        }
        return devices != DEVICES.length;
    }

    private static boolean isLinkTo(Path link, String file) {
        try {
            return Files.readSymbolicLink(link).equals(Paths.get(file));
        } catch (IOException closed) {
            return false; // the descriptor of the listing itself
        }
    }

    /** By /proc/self/maps, proc_pid_maps(5): `address perms offset dev inode path`. */
    private static boolean hasNativeLibraries() throws IOException {
        String jdk = System.getProperty("java.home") + "/";
        String maps = new String(Files.readAllBytes(Paths.get("/proc/self/maps")), StandardCharsets.ISO_8859_1);
        for (String line : maps.split("\n")) {
            int path = line.indexOf('/');
            if (path < 0 || line.charAt(line.indexOf(' ') + 3) != 'x' || line.startsWith(jdk, path)) continue;
            for (String own : FUNCTIONS_OWN) if (line.startsWith(own, path)) return true;
        }
        return false;
    }

    private final class Noticing extends FilterInputStream {
        Noticing(InputStream of) {
            super(of);
        }

        @Override
        public int read() throws IOException {
            read = true;
            return super.read();
        }

        @Override
        public int read(byte[] into, int from, int count) throws IOException {
            read = true;
            return super.read(into, from, count);
        }
    }
}
