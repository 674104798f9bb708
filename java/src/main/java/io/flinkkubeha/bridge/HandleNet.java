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

package io.flinkkubeha.bridge;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.ref.Cleaner;

/** Frees handles whose owner was never closed, and says so: a net, not the way to close. */
final class HandleNet {

    private static final Logger LOG = LoggerFactory.getLogger(HandleNet.class);

    private static final Cleaner CLEANER = Cleaner.create();

    private HandleNet() {}

    /** Something that can be closed once. */
    interface Closing {
        /** Whether it was this call that closed it. */
        boolean close() throws NativeException;
    }

    /** Watches the owner, which the thing to close must not refer to. */
    static Cleaner.Cleanable watch(Object owner, Object what, Closing closing) {
        return CLEANER.register(owner, () -> closeUnowned(what, closing));
    }

    private static void closeUnowned(Object what, Closing closing) {
        try {
            if (closing.close()) {
                LOG.warn("{} was never closed; it ends because nothing refers to it.", what);
            }
        } catch (NativeException e) {
            LOG.warn("{} could not be closed.", what, e);
        }
    }
}
