package thaw;

/** What a collection frees keeps its bytes, and an image would hold them; pages of zeros it leaves out. */
final class Garbage {
    /** A head of each stays, and parts the zeros: not too many, for each part is a mapping of every copy. */
    private static final int CHUNK = 4 << 20;
    /** A function's init may have used far more: zeros cost time, too. */
    private static final long MOST = 512L << 20;

    /** Written, so that no compiler leaves the allocation out. */
    private static volatile byte[] last;

    private Garbage() {}

    /** Collects garbage twice, and between has the JVM fill with zeros what was used of the space where new objects go. */
    static void overwrite() {
        Runtime jvm = Runtime.getRuntime();
        long used = Math.min(jvm.totalMemory() - jvm.freeMemory(), MOST);
        System.gc();
        if (jvm.maxMemory() - jvm.totalMemory() + jvm.freeMemory() < 4 * CHUNK) return;
        for (long left = used; left > 0; left -= CHUNK) last = new byte[CHUNK];
        last = null;
        System.gc();
    }
}
