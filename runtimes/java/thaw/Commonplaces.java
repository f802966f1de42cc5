package thaw;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What handlers commonly do with the JDK, whatever they are for: text, collections, streams, small files, times, exceptions.
 * Done before a process is copied, it is loaded, linked and compiled in every copy.
 */
final class Commonplaces {
    private static final Pattern WORDS = Pattern.compile("(\\w+)=(\\w*)");

    private Commonplaces() {}

    /** Returns what it made, so that no compiler can leave it out. */
    static int run(int rounds) {
        int made = 0;
        for (int round = 0; round < rounds; round++) {
            made += text(round) + collections(round) + times() + failures();
            try {
                made += files();
            } catch (IOException | RuntimeException elsewhere) {
                // a sandbox without /proc
            }
        }
        return made;
    }

    private static int text(int round) {
        String line = "a=" + round + ", b=" + (long) round + " c=" + (round > 1) + ' ' + 'c' + 1.5 + WORDS;
        StringBuilder out = new StringBuilder().append(line).append(',').append(round).append('"');
        for (String part : line.split(",")) out.append(part.trim().toLowerCase(Locale.ROOT));
        for (String part : line.split("\\s+")) out.append(part.substring(1)).append(part.equalsIgnoreCase("A"));
        for (Matcher found = WORDS.matcher(line); found.find(); ) out.append(found.group(1)).append(found.group(2));
        out.append(String.format("%s %d %5.2f %x %05d", line, round, 1.5, round, round)).append(line.replace("a", "b"));
        out.append(String.join("-", Arrays.asList("a", "b"))).append(line.replaceAll("\\D", "")).append(line.indexOf("b="));
        out.append(Integer.parseInt("12")).append(Long.parseLong("12")).append(Double.parseDouble("1.5"));
        byte[] bytes = out.toString().getBytes(StandardCharsets.UTF_8);
        String encoded = Base64.getEncoder().encodeToString(bytes);
        return new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8).hashCode();
    }

    private static int collections(int round) {
        Map<String, Object> map = new HashMap<>();
        List<String> list = new ArrayList<>();
        for (int at = 0; at < 8; at++) {
            map.put("k" + at, at);
            list.add("v" + (at ^ round));
        }
        map.computeIfAbsent("k9", String::length);
        list.sort(null);
        Supplier<String> captured = () -> map + "" + list;
        String joined = list.stream().filter(each -> !each.isEmpty()).map(each -> each + captured.get().length()).collect(Collectors.joining(","));
        Map<Integer, List<String>> grouped = list.stream().collect(Collectors.groupingBy(String::length, TreeMap::new, Collectors.toList()));
        return joined.length() + grouped.size() + list.stream().mapToInt(String::length).sum();
    }

    private static int times() {
        return Instant.now().toString().length() + (int) System.nanoTime() + System.getenv().size()
            + String.valueOf(System.getenv("AWS_REGION")).length() + String.valueOf(System.getProperty("java.version")).length();
    }

    private static int failures() {
        try {
            throw new IllegalStateException("expected", new IOException("cause"));
        } catch (IllegalStateException expected) {
            StringWriter out = new StringWriter();
            expected.printStackTrace(new PrintWriter(out));
            return out.toString().length();
        }
    }

    private static int files() throws IOException {
        int made = 0;
        Path own = Paths.get("/proc/self/stat");
        for (String line : Files.readAllLines(own)) made += line.length();
        made += Files.readAllBytes(own).length + Files.readSymbolicLink(Paths.get("/proc/self/exe")).toString().length();
        try (BufferedReader lines = new BufferedReader(new StringReader("a\nb"))) {
            made += lines.readLine().length();
        }
        Path missing = Paths.get("/proc/self/" + made % 2 + ".missing");
        if (Files.exists(missing) || Files.isDirectory(own)) return made;
        try {
            Files.createDirectory(missing);
        } catch (IOException refused) {
            made++;
        }
        try {
            Files.newInputStream(missing).close();
        } catch (IOException refused) {
            made++;
        }
        return made;
    }
}
