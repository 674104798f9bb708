/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.line;

import javax.annotation.Nullable;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** What a class refers to: the part of its constant pool that the JVM resolves when it links. */
final class ClassFile {

    private static final int MAGIC = 0xCAFEBABE;

    /** A method or a field; names are those of class files, with slashes. */
    static final class Member {

        final String owner;
        final String name;
        final String descriptor;

        private Member(String owner, String name, String descriptor) {
            this.owner = owner;
            this.name = name;
            this.descriptor = descriptor;
        }

        boolean isField() {
            return !descriptor.startsWith("(");
        }

        boolean isConstructor() {
            return name.equals("<init>");
        }

        @Override
        public String toString() {
            return owner.replace('/', '.') + "." + name + " " + descriptor;
        }
    }

    final String name;
    /** Absent for {@link Object} and modules. */
    @Nullable final String superName;
    /** Classes that are named, but not arrays. */
    final List<String> classes = new ArrayList<>();
    final List<Member> members = new ArrayList<>();

    private final Object[] pool;

    private ClassFile(DataInputStream in) throws IOException {
        if (in.readInt() != MAGIC) {
            throw new IOException("This is not a class file.");
        }
        in.readInt(); // version
        pool = new Object[in.readUnsignedShort()];
        readPool(in);
        in.readUnsignedShort(); // access flags
        name = className(in.readUnsignedShort());
        final int superclass = in.readUnsignedShort();
        superName = superclass == 0 ? null : className(superclass);
        collect();
    }

    static ClassFile read(InputStream in) throws IOException {
        return new ClassFile(new DataInputStream(in));
    }

    /** Keeps text as text and everything else that matters as an array of tag and indices. */
    private void readPool(DataInputStream in) throws IOException {
        for (int i = 1; i < pool.length; i++) {
            final int tag = in.readUnsignedByte();
            switch (tag) {
                case 1: // Utf8
                    pool[i] = in.readUTF();
                    break;
                case 7: // Class
                    pool[i] = new int[] {tag, in.readUnsignedShort()};
                    break;
                case 9: // Fieldref
                case 10: // Methodref
                case 11: // InterfaceMethodref
                case 12: // NameAndType
                    pool[i] = new int[] {tag, in.readUnsignedShort(), in.readUnsignedShort()};
                    break;
                case 3: // Integer
                case 4: // Float
                case 17: // Dynamic
                case 18: // InvokeDynamic
                    in.readInt();
                    break;
                case 5: // Long
                case 6: // Double
                    in.readLong();
                    i++; // they take two places
                    break;
                case 8: // String
                case 16: // MethodType
                    in.readUnsignedShort();
                    break;
                case 15: // MethodHandle
                    in.readUnsignedByte();
                    in.readUnsignedShort();
                    break;
                default:
                    throw new IOException("Constant of unknown kind " + tag + ".");
            }
        }
    }

    private void collect() {
        for (Object constant : pool) {
            if (!(constant instanceof int[])) {
                continue;
            }
            final int[] parts = (int[]) constant;
            if (parts[0] == 7) {
                final String className = (String) pool[parts[1]];
                if (!className.startsWith("[")) {
                    classes.add(className);
                }
            } else if (parts[0] != 12) {
                final int[] nameAndType = (int[]) pool[parts[2]];
                members.add(
                        new Member(
                                className(parts[1]),
                                (String) pool[nameAndType[1]],
                                (String) pool[nameAndType[2]]));
            }
        }
    }

    private String className(int index) {
        return (String) pool[((int[]) pool[index])[1]];
    }
}
