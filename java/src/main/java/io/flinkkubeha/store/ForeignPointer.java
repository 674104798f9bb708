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

package io.flinkkubeha.store;

import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.util.InstantiationUtil;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InvalidClassException;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.util.Base64;

/**
 * A pointer that only Java deserialization understands: another kind of state handle in the wrapper
 * of Flink's own store.
 */
final class ForeignPointer {

    private final boolean marked;
    private final RetrievableStateHandle<?> handle;

    private ForeignPointer(boolean marked, RetrievableStateHandle<?> handle) {
        this.marked = marked;
        this.handle = handle;
    }

    boolean isMarked() {
        return marked;
    }

    @SuppressWarnings("unchecked")
    <T extends Serializable> RetrievableStateHandle<T> handle() {
        return (RetrievableStateHandle<T>) handle;
    }

    /** Decodes a value with the caller's context class loader, as Flink does. */
    static ForeignPointer decode(String raw) throws IOException {
        final byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(raw);
        } catch (IllegalArgumentException e) {
            throw new IOException("The value is not Base64.", e);
        }
        final ClassLoader classLoader = Thread.currentThread().getContextClassLoader();
        try (WrapperInputStream in = new WrapperInputStream(bytes, classLoader)) {
            final Object decoded = in.readObject();
            if (!(decoded instanceof Wrapper) || ((Wrapper) decoded).inner == null) {
                throw new IOException("The value is not a state handle of Flink's store.");
            }
            return new ForeignPointer(
                    ((Wrapper) decoded).markedForDeletion, ((Wrapper) decoded).inner);
        } catch (ClassNotFoundException | RuntimeException e) {
            throw new IOException("The value cannot be deserialized: " + e, e);
        }
    }

    /** The fields of the wrapper of Flink's own store. */
    static final class Wrapper implements Serializable {

        private static final long serialVersionUID = 1L;

        @SuppressWarnings("serial")
        private RetrievableStateHandle<?> inner;

        private boolean markedForDeletion;
    }

    /** Reads the wrapper of Flink's own store as ours, without that store's classes. */
    private static final class WrapperInputStream
            extends InstantiationUtil.ClassLoaderObjectInputStream {

        private static final String WRAPPER_NAME =
                "org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore$StateHandleWithDeleteMarker";

        /** Computed by Java for the class of every Flink since 1.19. */
        private static final long WRAPPER_VERSION = 1994325530560040316L;

        private WrapperInputStream(byte[] bytes, ClassLoader classLoader) throws IOException {
            super(new ByteArrayInputStream(bytes), classLoader);
        }

        /** Both classes have the same fields, so the layout of ours describes the bytes. */
        @Override
        protected ObjectStreamClass readClassDescriptor()
                throws IOException, ClassNotFoundException {
            final ObjectStreamClass written = super.readClassDescriptor();
            if (!written.getName().equals(WRAPPER_NAME)) {
                return written;
            }
            if (written.getSerialVersionUID() != WRAPPER_VERSION) {
                throw new InvalidClassException(
                        WRAPPER_NAME,
                        "It was written by a Flink before 1.19, serialVersionUID "
                                + written.getSerialVersionUID());
            }
            return ObjectStreamClass.lookup(Wrapper.class);
        }

        @Override
        protected Class<?> resolveClass(ObjectStreamClass descriptor)
                throws IOException, ClassNotFoundException {
            return descriptor.getName().equals(Wrapper.class.getName())
                    ? Wrapper.class
                    : super.resolveClass(descriptor);
        }
    }
}
