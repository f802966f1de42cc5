package thaw;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * What a class file says it will need when its code runs first: the classes it names and the texts it joins. Java Virtual
 * Machine Specification, chapter 4; no code is looked at, and nothing of the class runs.
 */
final class ClassFile {
    private static final String CONCATENATION = "makeConcatWithConstants";

    /** A `+` of strings, as javac has written it since Java 9. */
    static final class Concatenation {
        final String descriptor;
        final String recipe;
        final int constants;

        Concatenation(String descriptor, String recipe, int constants) {
            this.descriptor = descriptor;
            this.recipe = recipe;
            this.constants = constants;
        }
    }

    /** Binary names of the classes it names, arrays not among them. */
    final List<String> classes = new ArrayList<>();
    final List<Concatenation> concatenations = new ArrayList<>();

    private final int[] tags;
    private final int[] first;
    private final int[] second;
    private final String[] texts;

    /** Throws IOException where it is not a class file as the specification has it. */
    ClassFile(InputStream file) throws IOException {
        DataInputStream in = new DataInputStream(file);
        if (in.readInt() != 0xCAFEBABE) throw new IOException("no class file");
        in.readInt(); // its version
        int count = in.readUnsignedShort();
        tags = new int[count];
        first = new int[count];
        second = new int[count];
        texts = new String[count];
        readConstants(in);
        for (int at = 1; at < count; at++) {
            if (tags[at] == 7 && !texts[first[at]].startsWith("[")) classes.add(texts[first[at]].replace('/', '.'));
        }
        skip(in, 6); // access, this, super
        skip(in, 2 * in.readUnsignedShort()); // interfaces
        skipMembers(in);
        skipMembers(in);
        int[][] bootstraps = readBootstraps(in);
        for (int at = 1; at < count; at++) if (tags[at] == 18) addConcatenation(at, bootstraps);
    }

    private void readConstants(DataInputStream in) throws IOException {
        for (int at = 1; at < tags.length; at++) {
            tags[at] = in.readUnsignedByte();
            switch (tags[at]) {
                case 1:
                    texts[at] = in.readUTF();
                    break;
                case 7: case 8: case 16: case 19: case 20:
                    first[at] = in.readUnsignedShort();
                    break;
                case 3: case 4: case 9: case 10: case 11: case 12: case 17: case 18:
                    first[at] = in.readUnsignedShort();
                    second[at] = in.readUnsignedShort();
                    break;
                case 15:
                    first[at] = in.readUnsignedByte();
                    second[at] = in.readUnsignedShort();
                    break;
                case 5: case 6: // a long or a double takes two entries (4.4.5)
                    skip(in, 8);
                    at++;
                    break;
                default:
                    throw new IOException("unknown constant " + tags[at]);
            }
        }
    }

    /** Fields or methods. */
    private static void skipMembers(DataInputStream in) throws IOException {
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            skip(in, 6);
            for (int attributes = in.readUnsignedShort(); attributes > 0; attributes--) {
                skip(in, 2);
                skip(in, in.readInt());
            }
        }
    }

    private static void skip(DataInputStream in, int bytes) throws IOException {
        for (int left = bytes; left > 0; ) {
            int skipped = in.skipBytes(left);
            if (skipped <= 0) throw new IOException("a class file ends early");
            left -= skipped;
        }
    }

    /** The arguments of each bootstrap method. */
    private int[][] readBootstraps(DataInputStream in) throws IOException {
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            String name = texts[in.readUnsignedShort()];
            int length = in.readInt();
            if (!"BootstrapMethods".equals(name)) {
                skip(in, length);
                continue;
            }
            int[][] arguments = new int[in.readUnsignedShort()][];
            for (int at = 0; at < arguments.length; at++) {
                in.readUnsignedShort(); // the method itself
                arguments[at] = new int[in.readUnsignedShort()];
                for (int argument = 0; argument < arguments[at].length; argument++) arguments[at][argument] = in.readUnsignedShort();
            }
            return arguments;
        }
        return new int[0][];
    }

    private void addConcatenation(int at, int[][] bootstraps) {
        int nameAndType = second[at];
        if (!CONCATENATION.equals(texts[first[nameAndType]]) || first[at] >= bootstraps.length) return;
        int[] arguments = bootstraps[first[at]];
        if (arguments.length == 0 || tags[arguments[0]] != 8) return;
        concatenations.add(new Concatenation(texts[second[nameAndType]], texts[first[arguments[0]]], arguments.length - 1));
    }
}
